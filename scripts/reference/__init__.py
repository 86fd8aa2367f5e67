"""The reference pages, each written from the definition that the server itself runs by."""
