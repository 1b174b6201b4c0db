// Package model holds the producer against a model of its outcomes. It has tests only.
//
//	go test ./actor/internal/model                          the short form, part of go test ./...
//	go test ./actor/internal/model -seeds=1000000           for as long as one likes
//	go test ./actor/internal/model -seed=4711 -count=1000   one seed, again and again
//
// A seed is a plan: settings, what becomes of each connection, and 200 steps of callers, of nsqd and of time. It is
// played in a bubble of fake time against the in-memory double of nsqd. What the callers saw, and what nsqd stored, are then
// held against the rules, which stand in rules_test.go, all of them.
//
// A seed fixes the plan, not the play: the goroutines in a bubble run as they do anywhere. So the rules say what is permitted,
// whatever the order of events, and a failure may take several plays of its seed to come back. If the library panics on a
// goroutine of its own, all stacks are printed; the seed is the argument of playSeed there.
//
// The bubbles need Go 1.25: for an older one there are no tests here.
//
// That the rules find what they are there for is shown by faults planted into the library's source, in planted_test.go.
package model
