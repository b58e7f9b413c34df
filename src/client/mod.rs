//! The HTTP, SOAP and REST side of an org. Hides `reqwest`.
