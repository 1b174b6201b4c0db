//go:build !race && go1.25

package model

const (
	underRace = false
	shortForm = 10_000 // seeds
)
