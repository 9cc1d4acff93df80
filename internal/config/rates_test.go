package config_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/config"
)

func rates(t *testing.T, text string) config.Rates {
	t.Helper()
	var l config.Rates
	if err := l.UnmarshalText([]byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return l
}

func TestRatesAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "none",
		"none":                          "none",
		"aws":                           "aws",
		"aws,none":                      "none",
		"DescribeStream=300/5":          "DescribeStream=300/5",
		"none, CreateStream=50 ,":       "CreateStream=50/0",
		"aws,CreateStream=0,PutMedia=7": "aws,CreateStream=0/0,PutMedia=7/0",
	} {
		l := rates(t, text)
		if got := l.String(); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
		if got := rates(t, want).String(); got != want {
			t.Errorf("%q reads back as %q", want, got)
		}
	}
}

func TestWhatIsNoRateIsRefused(t *testing.T) {
	for _, text := range []string{"azure", "DescribeStream", "DescribeStream=", "DescribeStream=x", "DescribeStream=1/", "DescribeStream=1/2/3", "=5", "describe stream=5", "A=-1", "A=99999999999"} {
		var l config.Rates
		if err := l.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "DescribeStream=300/5") {
			t.Errorf("%q: %v, %v", text, l, err)
		}
	}
}

func TestALaterRateOverrulesAnEarlierOne(t *testing.T) {
	each := rates(t, "PutMedia=9/9,aws,DescribeStream=7").Each()
	for name, want := range map[string]config.RateRule{
		"PutMedia":       {Operation: "PutMedia", Resource: 5},
		"DescribeStream": {Operation: "DescribeStream", Account: 7},
		"TagStream":      {Operation: "TagStream", Account: 50, Resource: 5},
	} {
		if each[name] != want {
			t.Errorf("%s: %+v, want %+v", name, each[name], want)
		}
	}
	if n := len(rates(t, "none").Each()); n != 0 {
		t.Errorf("none names %d operations", n)
	}
}

func TestARateOfNoOperationIsAMistake(t *testing.T) {
	known := []string{"DeleteMedia"}
	for text, want := range map[string]string{
		"aws,DeleteMedia=1":     "",
		"GetHLSMediaPlaylist=9": "",
		"DescribeStraem=5":      `did you mean "DescribeStream"`,
		"Zzzzzzzzzzzzz=5":       "there is no operation",
	} {
		err := rates(t, text).CheckOperations(known)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAFileWritesRatesOneBelowTheOther(t *testing.T) {
	got, err := config.Load(config.Sources{File: write(t, "data: x\nrates:\n- aws\n- DescribeStream=9/9\n")})
	if want := "aws,DescribeStream=9/9"; err != nil || got.Rates.String() != want {
		t.Errorf("%v, %v", got.Rates, err)
	}
	_, err = config.Load(config.Sources{File: write(t, "data: x\nrates:\n- DescribeStream: 9\n")})
	if err == nil || !strings.Contains(err.Error(), "OPERATION=N/M") {
		t.Errorf("rates as a map: %v", err)
	}
}

// TestTheProfileOfTheServiceSwitchesItsLimits names every limit in which the
// profiles differ, so that none is added to one of them unseen.
func TestTheProfileOfTheServiceSwitchesItsLimits(t *testing.T) {
	generous, aws := config.Default(config.ProfileDefault), config.Default(config.ProfileAWS)
	var differs []string
	lines := strings.Split(aws.String(), "\n")
	for i, line := range strings.Split(generous.String(), "\n") {
		if line != lines[i] {
			differs = append(differs, line+" -> "+lines[i])
		}
	}
	want := []string{
		`profile: "default" -> profile: "aws"`,
		`max-connection-age: 0s -> max-connection-age: 45m0s`,
		`max-sessions: 16 -> max-sessions: 2`,
		`session-overflow: "close-idlest" -> session-overflow: "refuse-new"`,
		`session-rate: 0 -> session-rate: 12500000`,
		`fragment-rate: 0 -> fragment-rate: 5`,
		`strict-timecodes: false -> strict-timecodes: true`,
		`max-readers: 0 -> max-readers: 3`,
		`reader-rate: 0 -> reader-rate: 25000000`,
		`max-list-readers: 0 -> max-list-readers: 5`,
		`strict-ranges: false -> strict-ranges: true`,
		`strict-playback: false -> strict-playback: true`,
		`max-codec-changes: 0 -> max-codec-changes: 500`,
		`playback-idle: 0s -> playback-idle: 30s`,
		`clip-fragments: 0 -> clip-fragments: 200`,
		`clip-bytes: 0 -> clip-bytes: 100000000`,
		`max-streams: 0 -> max-streams: 10000`,
		`rates: "none" -> rates: "aws"`,
		`metadata-points: 0 -> metadata-points: 10000`,
		`media-points: 0 -> media-points: 500`,
	}
	if got, want := strings.Join(differs, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("the profiles differ in\n%s\nwant\n%s", got, want)
	}
}
