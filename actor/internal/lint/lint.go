// Package lint is a module of its own that pins staticcheck, so that the library's go.mod stays free of it. From the
// repository's root:
//
//	go -C actor/internal/lint build -o /tmp/staticcheck honnef.co/go/tools/cmd/staticcheck
//	/tmp/staticcheck ./...
package lint
