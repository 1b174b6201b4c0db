//go:build race && go1.25

package model

const (
	underRace = true
	shortForm = 6000 // seeds; the race detector makes each some five times as expensive, so that this takes about a minute
)
