//! Tests that prove the documents: layering, sizes, generated pages.
