// Package mutants breaks the library, a line or so at a time, and demands that a test of the broken package finds it. It has
// tests only.
//
//	go test ./actor/internal/mutants                            the list still fits the source
//	go test ./actor/internal/mutants -mutants -timeout=90m -v   every mutant
//	go test ./actor/internal/mutants -mutants -v -run='Caught/all/actor/(gate|ring)'
//
// A mutant is an exact snippet of a file, what takes its place, and the tests that find it. It is built by an overlay, so that
// nothing in the tree is touched, without optimisation, and without the test files that its tests do not need: most of its time is
// the compiler's, three seconds of one processor. Two are under way at a time. All of them, over two hundred, took a
// quarter of an hour on two processors that had other things to do as well.
//
// Each selection of tests is also run without the mutant, and has to run something and pass. A mutant that does not build fails, as
// does one whose tests pass. One that hangs is caught if its tests end, by themselves or by their bound of 30 s; four take the 20 s
// for which a test waits before it says that nothing came.
//
// What is not here: faults of which only luck tells, as an order of two stores that a test cannot force (package state checks
// those orders exhaustively, in a model); the faults in outcomes, folds and claims that package model plants; what costs time and
// nothing else, for which there are benchmarks; allocations, since a build without optimisation allocates; and what concerns one
// operating system alone.
package mutants
