package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeTable writes the lines as Markdown.
func writeTable(w io.Writer, lines []line) error {
	columns := []string{theirs, ours, rawPub, rawMPub, schedule}
	var b strings.Builder
	fmt.Fprintf(&b, "| load | measured | %s | %s / %s | goal |\n", strings.Join(columns, " | "), theirs, ours)
	fmt.Fprintf(&b, "|---|---|%s---:|---|\n", strings.Repeat("---:|", len(columns)))
	for _, l := range lines {
		fmt.Fprintf(&b, "| %s | %s |", l.row.label(), l.shown.metric)
		for _, name := range columns {
			cell := "–"
			if value, ok := l.by[name]; ok {
				cell = number(value)
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		fmt.Fprintf(&b, " %s | %s |\n", l.ratioText(), l.shown.goal)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l line) ratioText() string {
	if l.ratio == nil {
		return "–"
	}
	text := fmt.Sprintf("%s (%s–%s)", number(l.ratio.median), number(l.ratio.lowest), number(l.ratio.highest))
	if l.shown.over != theirs || l.shown.under != ours {
		text = l.shown.over + " / " + l.shown.under + ": " + text
	}
	return text
}

// number writes three digits or so; a table of more would claim more than was measured.
func number(v float64) string {
	switch {
	case v >= 99.95:
		return grouped(int(v + 0.5))
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// grouped writes thousands apart.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
