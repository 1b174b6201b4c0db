// Package readme has no code, only a test that does what README.md tells its reader to: its Go compiles, its commands run, and its
// figures of limits are the library's.
package readme
