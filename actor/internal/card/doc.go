// Package card has no code, only a test that keeps the library's card, the promises that its users see first:
//
//   - the top level holds go.mod, actor, wire, state, the two root tests, LICENSE and README.md, beside go.sum and dot-files;
//   - the library imports the standard library and itself, nothing else, and none of its own test servers and programs;
//   - the library has no mutex, condition variable, wait group or sync.Once: of package sync it may use Pool only;
//   - go.mod requires testify and what testify needs.
//
// The library is all of actor, wire and state except wiretest, cmd, internal and nested modules.
package card
