package mutants

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mutant is one fault in one of the library's files.
type mutant struct {
	breaks   string // what it breaks
	file     string // below the module's directory
	old, new string // old occurs once in file
	tests    string // of the file's own package, as -run has them; each is anchored
}

// name is that of the mutant's subtest: the file's first, to choose by it.
func (m mutant) name() string { return m.file + ": " + m.breaks }

var all = slices.Concat(inState, inBounds, inLoop, inLife, inFolds, inConnections, inSeals, inEnds, inConfigs, inFigures)

const root = "../../.."

// mutate returns the file with the fault.
func (m mutant) mutate(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, m.file))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), m.old), "%s must have exactly once:\n%s", m.file, m.old)
	return strings.Replace(string(source), m.old, m.new, 1)
}

// TestMutantsApply keeps the list from rotting: it is what a change of a mutated line meets first.
func TestMutantsApply(t *testing.T) {
	require.GreaterOrEqual(t, len(all), 50)
	known, places, suites := map[string]bool{}, map[[3]string]bool{}, map[string]suite{}
	for _, m := range all {
		assert.False(t, known[m.name()], "two mutants are named %s", m.name())
		known[m.name()] = true
		place := [3]string{m.file, m.old, m.new}
		assert.False(t, places[place], "twice: %s", m.name())
		places[place] = true
		assert.NotEqual(t, m.old, m.new, m.name())
		dir := path.Dir(m.file)
		if _, read := suites[dir]; !read {
			suites[dir] = readSuite(t, dir)
		}
		for _, test := range strings.Split(m.tests, "|") {
			assert.True(t, suites[dir].has(test), "%s: there is no %q", m.name(), test)
		}
		t.Run(m.name(), func(t *testing.T) {
			_, err := parser.ParseFile(token.NewFileSet(), m.file, m.mutate(t), parser.SkipObjectResolution)
			require.NoError(t, err)
		})
	}
}
