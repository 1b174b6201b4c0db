//go:build !linux

package faults

import "testing"

func smallDisk(t *testing.T) string {
	t.Helper()
	t.Skip("a full disk is a small file system in memory, which this test mounts on Linux only")
	return ""
}
