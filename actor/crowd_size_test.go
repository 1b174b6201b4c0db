//go:build !race

package actor_test

const crowdSize = 10_000
