package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkDuel is the program's default rows as benchmarks. One iteration is all of a row's rounds: run it with -benchtime=1x.
func BenchmarkDuel(b *testing.B) {
	unit := strings.NewReplacer(", ", "-", " ", "-", "/", "-")
	for _, r := range defaults() {
		b.Run(r.name(), func(b *testing.B) {
			var lines []line
			for range b.N {
				var err error
				lines, _, err = fight(context.Background(), b, r, thorough, contestants)
				require.NoError(b, err)
			}
			b.ReportMetric(0, "ns/op") // of a whole row: says nothing
			for _, l := range lines {
				for name, value := range l.by {
					b.ReportMetric(value, unit.Replace(name+" "+string(l.shown.metric)))
				}
				if l.ratio != nil {
					b.ReportMetric(l.ratio.median, unit.Replace(l.shown.over+" by "+l.shown.under+" "+l.shown.metric.plain()))
				}
			}
		})
	}
}
