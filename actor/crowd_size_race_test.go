//go:build race

package actor_test

const crowdSize = 5_000 // the race detector ends a program that has more than 8,128 goroutines
