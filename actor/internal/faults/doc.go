// Package faults is the suite that holds the producer against a real nsqd that is killed, stopped, starved and cut off, and
// against callers who misbehave. It has tests only.
//
//	go test ./actor/internal/faults                                   the short form, part of go test ./...
//	go test ./actor/internal/faults -run Soak -soak=10m -timeout=20m  mixed load with faults, for as long as one likes
//	go test ./actor/internal/faults -run SlowLink -slow-batch=5000000  the largest batch over 1 Mbit/s, which takes 40 s
//	go test ./actor/internal/faults -config='{"MaxPending":64}'       the same with other settings, as actor.Config's fields
//
// Tests about bytes on the wire are skipped where -config has them compressed or encrypted.
//
// Whatever happens, the same is required of the accounts: each publish ends exactly once; what was acked is stored; what was
// refused or not sent is not; what is unknown was in flight when a connection was cut; while nsqd is up there is progress; and
// neither goroutines nor descriptors are left behind. What nsqd has stored is read back with go-nsq's consumer.
//
// Faults that need a script rather than a process are tested in package actor, on the double of nsqd; random sequences of
// faults in package model beside this one.
package faults
