//! The command line: parses, opens, calls one verb, prints its report.
