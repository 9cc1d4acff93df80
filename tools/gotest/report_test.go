package main

import (
	"strings"
	"testing"
)

const stream = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:9: it broke\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:4: vectors not present\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestC/one","Output":"    c_test.go:4: vectors not present\n"}
{"Action":"skip","Package":"p","Test":"TestC/one"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
not json
`

func TestReport(t *testing.T) {
	var out strings.Builder
	counts, err := report(strings.NewReader(stream), &out)
	if err != nil {
		t.Fatal(err)
	}
	if counts.passed != 1 || counts.failed != 1 || len(counts.skips) != 2 {
		t.Errorf("counts are %+v", counts)
	}
	want := `    b_test.go:9: it broke
ok  	p	0.1s
not json
skipped 2 in p TestC: vectors not present
1 passed, 1 failed, 2 skipped
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestVerdict(t *testing.T) {
	here := t.TempDir()
	absent := skip{testID{"p", "TestC"}, "vectors not present"}
	cases := []struct {
		name string
		ci   string
		dir  string
		c    tally
		ok   bool
	}{
		{"anything goes on a desk", "", here, tally{skips: []skip{absent}}, true},
		{"vectors that are not there", "1", "", tally{passed: 1, skips: []skip{absent}}, true},
		{"vectors in a folder that is gone", "1", here + "/gone", tally{passed: 1, skips: []skip{absent}}, true},
		{"vectors that are there", "1", here, tally{passed: 1, skips: []skip{absent}}, false},
		{"another reason", "1", "", tally{passed: 1, skips: []skip{{testID{"p", "TestD"}, "too slow"}}}, false},
		{"a case that does not apply", "1", "", tally{passed: 1, skips: []skip{{testID{"p", "TestD/one"}, "no token in it"}}}, true},
		{"a case that misses something", "1", "", tally{passed: 1, skips: []skip{{testID{"p", "TestD/one"}, "ffmpeg is not installed"}}}, false},
		{"a declined seed", "1", "", tally{passed: 1, skips: []skip{{testID{"p", "FuzzX/seed#0"}, ""}}}, true},
		{"a run without a test", "1", "", tally{}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := map[string]string{"MILLRACE_CI": c.ci, "MILLRACE_VECTORS": c.dir}
			if err := c.c.verdict(func(key string) string { return env[key] }); (err == nil) != c.ok {
				t.Errorf("verdict is %v", err)
			}
		})
	}
}
