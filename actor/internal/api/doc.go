// Package api has no code, only a test that keeps the exported API of the public packages, all that are neither internal nor
// programs: api.txt has a line for each exported thing that a user's code can depend on, with its type and, of a constant, its
// value. What changes it without meaning to fails the test; what means to says
//
//	go test ./actor/internal/api -update
//
// and shows the change of api.txt to whoever reviews it. Comments and names of parameters are not in it.
package api
