package nsqdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	module    = "github.com/nsqactor/producer"
	peersPath = "actor/internal/peers" // the nested module that pins nsqd

	buildTimeout = 5 * time.Minute
)

// Each is looked for once in a test program.
var (
	nsqdPath    = sync.OnceValues(func() (string, error) { return find("nsqd") })
	lookupdPath = sync.OnceValues(func() (string, error) { return find("nsqlookupd") })
	tailPath    = sync.OnceValues(func() (string, error) { return find("nsq_tail") })
	builtDir    = sync.OnceValues(build)
)

func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil && recent(path) {
		return path, nil
	}
	dir, err := builtDir()
	if err != nil {
		return "", fmt.Errorf("no %s 1.3 or later in $PATH, and building it failed: %w", name, err)
	}
	return filepath.Join(dir, name+exeSuffix()), nil
}

// recent reports whether the program says that it is version 1.3 or later.
func recent(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	return err == nil && atLeast13(string(out))
}

var versionNumber = regexp.MustCompile(`\bv(\d+)\.(\d+)`)

// atLeast13 reads what --version prints: "nsqd v1.3.0 (built w/go1.26.0)".
func atLeast13(version string) bool {
	m := versionNumber.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1]) // digits; one too large becomes the largest
	minor, _ := strconv.Atoi(m[2])
	return major > 1 || major == 1 && minor >= 3
}

// programs are built together.
var programs = []string{"nsqd", "nsqlookupd", "nsq_tail"}

// build returns the directory in the user's cache that holds the programs, after building them if they are not there. Programs
// are built in a directory beside it, which is then renamed: other test processes see all or nothing.
func build() (string, error) {
	source, err := peersDir()
	if err != nil {
		return "", err
	}
	version, err := pinnedVersion(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "nsqactor-producer")
	goVersion, _, _ := strings.Cut(runtime.Version(), " ")
	dir := filepath.Join(cache, "nsq-"+version+"-"+goVersion+"-"+runtime.GOARCH+"-"+strings.Join(programs, "-"))
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Only saves the work of building in several test processes at once.
	defer lockFile(filepath.Join(cache, "lock"))()
	if exists(dir) {
		return dir, nil
	}
	temp, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := goBuild(source, temp); err != nil {
		return "", err
	}
	if err := os.Rename(temp, dir); err != nil && !exists(dir) {
		return "", err
	}
	return dir, nil
}

func goBuild(source, target string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	args := []string{"build", "-mod=readonly", "-trimpath", "-o", target + string(filepath.Separator)}
	for _, name := range programs {
		args = append(args, "github.com/nsqio/nsq/apps/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w: %s", err, lastLines(string(out), 1))
	}
	return err
}

// peersDir finds the nested module: from where this file was compiled, or, if paths were trimmed, from where the go command
// finds this library, which works in the library's packages and in modules that replace it by a directory.
func peersDir() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		root := filepath.Join(filepath.Dir(file), "..", "..", "..")
		if dir := filepath.Join(root, filepath.FromSlash(peersPath)); exists(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("%s is not a module in use here: %w", module, err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), filepath.FromSlash(peersPath))
	if !exists(filepath.Join(dir, "go.mod")) {
		return "", errors.New("only a checkout of " + module + " can build nsqd")
	}
	return dir, nil
}

var pinnedLine = regexp.MustCompile(`(?m)^\s*(?:require\s+)?github\.com/nsqio/nsq\s+(v\S+)`)

func pinnedVersion(goMod string) (string, error) {
	text, err := os.ReadFile(goMod)
	if err != nil {
		return "", err
	}
	m := pinnedLine.FindSubmatch(text)
	if m == nil {
		return "", errors.New(goMod + " does not pin github.com/nsqio/nsq")
	}
	return string(m[1]), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
