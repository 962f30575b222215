//! The hands of a build: store, fetch, tool trees, artefacts.
