package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// The chart's measures, in pixels.
const (
	chartWidth = 900
	barsFrom   = 330 // left of it are the labels
	barsTo     = chartWidth - 60
	barsTop    = 76
	barStep    = 24
	barHeight  = 14
	footLine   = 15
	footWidth  = 140 // characters
)

// writeChart draws the ratios go-nsq / ours as bars from 1 on a logarithmic scale, each with a line from its lowest to its highest
// round. It has a background of its own, so that it can be read on a light page and on a dark one.
func writeChart(w io.Writer, lines []line, setting string) error {
	var bars []line
	low, high := 0.8, 2.0
	for _, l := range lines {
		if l.ratio != nil && l.shown.over == theirs && l.shown.under == ours {
			bars = append(bars, l)
			low, high = min(low, l.ratio.lowest), max(high, l.ratio.highest)
		}
	}
	scale := func(ratio float64) float64 {
		return barsFrom + (barsTo-barsFrom)*math.Log(ratio/low)/math.Log(high/low)
	}
	foot := wrap(setting, footWidth)
	bottom := barsTop + len(bars)*barStep
	height := bottom + 34 + len(foot)*footLine

	var b strings.Builder
	text := func(x float64, y int, class, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="%s">%s</text>`+"\n", x, y, class, html.EscapeString(s))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>go-nsq's figures divided by ours</title>
<style>
text { font: 12px sans-serif; fill: #24292f }
.head { font-size: 15px; font-weight: bold }
.label { text-anchor: end }
.tick { text-anchor: middle; fill: #57606a }
.note { text-anchor: end; fill: #57606a }
.foot { font-size: 11px; fill: #57606a }
</style>
<rect x="0.5" y="0.5" width="%[3]d" height="%[4]d" rx="6" fill="#ffffff" stroke="#d0d7de"/>
`, chartWidth, height, chartWidth-1, height-1)
	text(16, 26, "head", "go-nsq / ours: how many times less this library takes")
	text(barsTo, 26, "note", "bar: median; line: lowest to highest round")
	for _, tick := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if tick < low || tick > high {
			continue
		}
		stroke := "#d8dee4"
		if tick == 1 {
			stroke = "#57606a"
		}
		fmt.Fprintf(&b, `<line x1="%.1[1]f" y1="%[2]d" x2="%.1[1]f" y2="%[3]d" stroke="%[4]s"/>`+"\n",
			scale(tick), barsTop-10, bottom, stroke)
		text(scale(tick), barsTop-16, "tick", strconv.FormatFloat(tick, 'f', -1, 64)+"×")
	}
	for i, l := range bars {
		y := barsTop + i*barStep
		fill := "#2da44e"
		if l.ratio.median < 1 {
			fill = "#cf222e"
		}
		from, to := scale(min(1, l.ratio.median)), scale(max(1, l.ratio.median))
		text(barsFrom-10, y+12, "label", fmt.Sprintf("%s: %s", l.row.label(), l.shown.metric.plain()))
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", from, y, to-from, barHeight, fill)
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%[3]d" x2="%.1[2]f" y2="%[3]d" stroke="#24292f" stroke-width="1.5"/>`+"\n",
			scale(l.ratio.lowest), scale(l.ratio.highest), y+barHeight/2)
		text(scale(max(1, l.ratio.highest))+6, y+12, "", number(l.ratio.median))
	}
	for i, s := range foot {
		text(16, bottom+30+i*footLine, "foot", s)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// plain is the metric without its unit.
func (m metric) plain() string {
	name, _, _ := strings.Cut(string(m), ", ")
	return name
}

// wrap breaks text into lines of at most that many characters, if its words allow.
func wrap(text string, width int) []string {
	var lines []string
	var current string
	for _, word := range strings.Fields(text) {
		if current != "" && len(current)+1+len(word) > width {
			lines = append(lines, current)
			current = ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}
