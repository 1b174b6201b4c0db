package main

import (
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 0.004: "0.00", 1.044: "1.04", 9.99: "9.99", 9.996: "10.0", 12.34: "12.3", 99.94: "99.9", 99.96: "100",
		999.6: "1,000", 12345.4: "12,345", 1234567: "1,234,567",
	} {
		assert.Equal(t, want, number(v), v)
	}
}

// threeRounds is a row in which ours took 10, 20 and 30, go-nsq ten times that but for the last round, and raw nothing.
func threeRounds(shows ...shown) []line {
	r := row{load: closed, callers: 64, topics: 4, body: 1024, shows: shows}
	had := map[string][]figures{}
	for i, v := range []float64{10, 20, 30} {
		had[ours] = append(had[ours], figures{duration: v, allocations: 0})
		had[theirs] = append(had[theirs], figures{duration: []float64{10 * v, 10 * v, 20 * v}[i], allocations: 9})
	}
	return summary(r, had)
}

func TestTable(t *testing.T) {
	lines := threeRounds(against(duration, "≥ 5"), shown{duration, ours, theirs, ""}, against(allocations, "0"), against(p50, ""))
	require.Len(t, lines, 4)
	assert.Equal(t, &spread{median: 10, lowest: 10, highest: 20}, lines[0].ratio, "of the rounds' ratios, not of the medians")
	var b strings.Builder
	require.NoError(t, writeTable(&b, lines[:3]))
	assert.Equal(t, `| load | measured | go-nsq | ours | raw PUB | raw MPUB | schedule alone | go-nsq / ours | goal |
|---|---|---:|---:|---:|---:|---:|---:|---|
| 64 callers, 4 topics, 1 KiB | time, ns | 200 | 20.0 | – | – | – | 10.0 (10.0–20.0) | ≥ 5 |
| 64 callers, 4 topics, 1 KiB | time, ns | 200 | 20.0 | – | – | – | ours / go-nsq: 0.10 (0.05–0.10) |  |
| 64 callers, 4 topics, 1 KiB | allocations | 9.00 | 0.00 | – | – | – | – | 0 |
`, b.String())
}

// The chart is XML, has a bar for every ratio go-nsq / ours and for nothing else, all of it inside, and says what the numbers are.
func TestChart(t *testing.T) {
	lines := append(threeRounds(against(duration, ""), shown{duration, ours, theirs, ""}, alone(allocations, "")),
		line{row: row{load: idle}, shown: against(heap, ""), ratio: &spread{median: 0.1, lowest: 0.05, highest: 0.2}},
		line{row: row{load: full}, shown: against(heap, ""), ratio: &spread{median: 100, lowest: 50, highest: 4000}})
	var b strings.Builder
	require.NoError(t, writeChart(&b, lines, "a machine with <angles> & all, and "+strings.Repeat("many words ", 40)))
	var texts []string
	widths := []float64{}
	for decoder := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.CharData:
			texts = append(texts, strings.TrimSpace(string(token)))
		case xml.StartElement:
			number := map[string]float64{}
			for _, a := range token.Attr {
				if slices.Contains([]string{"x", "x1", "x2", "width", "height"}, a.Name.Local) {
					value, err := strconv.ParseFloat(a.Value, 64)
					require.NoError(t, err, "%s in %v", a.Name.Local, token)
					number[a.Name.Local] = value
				}
			}
			for _, x := range []string{"x", "x1", "x2"} {
				assert.GreaterOrEqual(t, number[x], 0.0)
				assert.LessOrEqual(t, number[x], float64(chartWidth))
			}
			if token.Name.Local == "rect" && number["height"] == barHeight {
				widths = append(widths, number["width"])
			}
		}
	}
	assert.Subset(t, texts, []string{"64 callers, 4 topics, 1 KiB: time", "10.0", "an idle producer: heap", "0.10", "100", "1×"})
	assert.Contains(t, strings.Join(texts, " "), "a machine with <angles> & all")
	require.Len(t, widths, 3)
	assert.InDelta(t, widths[0], widths[1], 0.2, "ten times better and ten times worse look alike")
	assert.InDelta(t, 2*widths[0], widths[2], 0.3, "the scale is logarithmic")
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, r := range catalogue() {
		assert.False(t, names[r.name()], r.name())
		assert.NotEmpty(t, r.shows, r.name())
		names[r.name()] = true
	}
	assert.GreaterOrEqual(t, len(names), 5*3*4+3*4+3*3+3)

	all, err := choose("")
	require.NoError(t, err)
	assert.Len(t, all, len(defaults()))
	some, err := choose("^closed/callers=16/.*topics=4/body=16B$")
	require.NoError(t, err)
	require.Len(t, some, 1)
	assert.Equal(t, "16 callers, 4 topics, 16 B", some[0].label())
	_, err = choose("nothing is called this")
	assert.Error(t, err)
	_, err = choose("(")
	assert.Error(t, err)
}
