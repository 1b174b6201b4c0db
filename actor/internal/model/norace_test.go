//go:build !race

package model

const (
	underRace = false
	shortForm = 10_000 // seeds
)
