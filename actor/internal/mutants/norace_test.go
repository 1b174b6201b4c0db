//go:build !race && go1.25

package mutants

const underRace = false
