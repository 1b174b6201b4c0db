// Package peers is a module of its own, so that the library's go.mod stays free of what only tests need. It pins nsqd and
// nsqlookupd, which package nsqdtest builds from here, and go-nsq, with which the program duel, and the tests here, compare the
// library.
package peers
