// Package contract has tests only. They hold every request of either client, and every answer of the
// sandbox, against the vendors' OpenAPI files.
//
// The files lie outside of the repository, in ../shared/specs as seen from its root, or where
// SPECS_DIR says; without them the tests are skipped. What is at odds with the files, and why, is in
// one table: deviations.
package contract
