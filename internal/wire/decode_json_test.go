package wire_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

type addressed struct {
	StreamName string `json:"StreamName"`
	StreamARN  string `json:"StreamARN"`
}

type sample struct {
	addressed
	Hours     *int32            `json:"DataRetentionInHours,omitempty"`
	Max       int32             `json:"MaxResults"`
	Long      int64             `json:"Long"`
	Flag      *bool             `json:"Flag"`
	Device    *string           `json:"DeviceName"`
	Tags      map[string]string `json:"Tags"`
	Keys      []string          `json:"TagKeyList"`
	At        *wire.Timestamp   `json:"StartTimestamp"`
	Condition *condition        `json:"StreamNameCondition"`
	Pairs     []pair            `json:"Pairs"`
	Unnamed   string
	Skipped   string `json:"-"`
}

type condition struct {
	Operator string `json:"ComparisonOperator"`
}

type pair struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

func ptr[T any](v T) *T { return &v }

func named(name string) sample { return sample{addressed: addressed{StreamName: name}} }

func TestDecodeJSON(t *testing.T) {
	at := &wire.Timestamp{Time: time.UnixMilli(1511852109126).UTC()}
	for name, tc := range map[string]struct {
		in   string
		want sample
	}{
		"an empty body is the empty object":       {"", sample{}},
		"white space is an empty body":            {" \t\r\n", sample{}},
		"a member is found by its exact name":     {`{"StreamName":"a"}`, named("a")},
		"another case is another member":          {`{"streamName":"a","STREAMNAME":"b","Streamname":"c"}`, sample{}},
		"unknown members are skipped":             {`{"X":{"StreamName":[1,{}]},"StreamName":"a"}`, named("a")},
		"null is absent":                          {`{"StreamName":null,"DataRetentionInHours":null,"Tags":null}`, sample{}},
		"of two the last counts":                  {`{"StreamName":"a","StreamName":"b"}`, named("b")},
		"also if the first is of a wrong type":    {`{"StreamName":7,"StreamName":"b"}`, named("b")},
		"also if the last is null":                {`{"StreamName":"a","StreamName":null}`, sample{}},
		"tabs and newlines are white space":       {"{\n\t\"StreamName\":\t\"a\"\n}\n", named("a")},
		"escapes are undone":                      {`{"Stream\u004eame":"\u00fc\ud83d\ude00\/"}`, named("ü😀/")},
		"zero is told from absent":                {`{"DataRetentionInHours":0}`, sample{Hours: ptr[int32](0)}},
		"a whole number may have a fraction":      {`{"DataRetentionInHours":1.0}`, sample{Hours: ptr[int32](1)}},
		"a whole number may have an exponent":     {`{"MaxResults":1e3}`, sample{Max: 1000}},
		"a whole number may shrink by exponent":   {`{"MaxResults":12000e-3}`, sample{Max: 12}},
		"the smallest integer is accepted":        {`{"MaxResults":-2147483648}`, sample{Max: -1 << 31}},
		"a long may be longer":                    {`{"Long":-9223372036854775808}`, sample{Long: -1 << 63}},
		"an empty string is told from absent":     {`{"DeviceName":""}`, sample{Device: ptr("")}},
		"false is told from absent":               {`{"Flag":false}`, sample{Flag: ptr(false)}},
		"maps are read":                           {`{"Tags":{"a":"1","b":""}}`, sample{Tags: map[string]string{"a": "1", "b": ""}}},
		"an empty map is told from absent":        {`{"Tags":{}}`, sample{Tags: map[string]string{}}},
		"null in a map is absent":                 {`{"Tags":{"a":null}}`, sample{Tags: map[string]string{}}},
		"lists are read":                          {`{"TagKeyList":["a","b"]}`, sample{Keys: []string{"a", "b"}}},
		"an empty list is told from absent":       {`{"TagKeyList":[]}`, sample{Keys: []string{}}},
		"structures are read":                     {`{"StreamNameCondition":{"ComparisonOperator":"BEGINS_WITH","x":1}}`, sample{Condition: &condition{"BEGINS_WITH"}}},
		"lists of structures are read":            {`{"Pairs":[{"Key":"k","Value":"v"},{}]}`, sample{Pairs: []pair{{"k", "v"}, {}}}},
		"a time may be a number with a fraction":  {`{"StartTimestamp":1511852109.126}`, sample{At: at}},
		"a time may have an exponent":             {`{"StartTimestamp":1.511852109126E9}`, sample{At: at}},
		"a time may be a string of digits":        {`{"StartTimestamp":"1511852109.126"}`, sample{At: at}},
		"a time may be an ISO-8601 string":        {`{"StartTimestamp":"2017-11-28T06:55:09.126Z"}`, sample{At: at}},
		"a field without a tag is not a member":   {`{"Unnamed":"x","":"y"}`, sample{}},
		"a field that is left out is no member":   {`{"Skipped":"x","-":"y"}`, sample{}},
		"a broken character becomes a substitute": {"{\"StreamName\":\"a\xff\"}", named("a\ufffd")},
	} {
		var got sample
		if err := wire.DecodeJSON([]byte(tc.in), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(sample{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"a list":                        `[]`,
		"a string":                      `"StreamName"`,
		"a number":                      `7`,
		"null":                          `null`,
		"an object cut off":             `{"StreamName":"a"`,
		"text behind the object":        `{} x`,
		"a second object":               `{}{}`,
		"a comment":                     `{} // a`,
		"form parameters":               `StreamName=a`,
		"a number for a string":         `{"StreamName":7}`,
		"an object for a string":        `{"StreamName":{}}`,
		"a string for an integer":       `{"DataRetentionInHours":"24"}`,
		"a fraction for an integer":     `{"DataRetentionInHours":1.5}`,
		"a small fraction":              `{"DataRetentionInHours":1e-1}`,
		"a bool for an integer":         `{"MaxResults":true}`,
		"an integer of 33 bits":         `{"MaxResults":2147483648}`,
		"an integer of 65 bits":         `{"Long":9223372036854775808}`,
		"an integer beyond all bits":    `{"Long":1e400}`,
		"an exponent beyond all bounds": `{"Long":1e99999999999999999999}`,
		"a number for a bool":           `{"Flag":1}`,
		"a list for a map":              `{"Tags":[]}`,
		"a number in a map of strings":  `{"Tags":{"a":1}}`,
		"a map for a list":              `{"TagKeyList":{}}`,
		"null in a list":                `{"TagKeyList":["a",null]}`,
		"a number in a list of strings": `{"TagKeyList":[1]}`,
		"a list for a structure":        `{"StreamNameCondition":[]}`,
		"a wrong type inside":           `{"StreamNameCondition":{"ComparisonOperator":1}}`,
		"a time that is a word":         `{"StartTimestamp":"yesterday"}`,
		"a time that is an object":      `{"StartTimestamp":{}}`,
		"ten thousand open lists":       `{"X":` + strings.Repeat("[", 20000),
	} {
		var got sample
		if err := wire.DecodeJSON([]byte(in), &got); millrace.CodeOf(err) != millrace.CodeSerialization || err == nil {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestDecodeJSONSaysThatATimeIsOutOfRange(t *testing.T) {
	for _, in := range []string{`{"StartTimestamp":1e300}`, `{"StartTimestamp":1646055362163}`, `{"StartTimestamp":"-253402300800"}`} {
		err := wire.DecodeJSON([]byte(in), &sample{})
		if millrace.CodeOf(err) != millrace.CodeInvalidArgument || err == nil || !strings.Contains(err.Error(), "in seconds") {
			t.Errorf("%s: err = %v", in, err)
		}
	}
}

func TestDecodeJSONNamesTheMember(t *testing.T) {
	err := wire.DecodeJSON([]byte(`{"Pairs":[{},{"Key":1}]}`), &sample{})
	if err == nil || !strings.Contains(err.Error(), "Pairs[1].Key") {
		t.Errorf("err = %v", err)
	}
}

func TestDecodeJSONOfCapturedRequests(t *testing.T) {
	for _, path := range glob(t, vectors(t)+"/control/*.body.json") {
		var in sample
		if err := wire.DecodeJSON([]byte(readFile(t, path)), &in); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// FuzzDecodeJSON checks that what the decoder accepts means the same to
// encoding/json, where the two have the same rules.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"StreamName":"a","Tags":{"k":"v"},"TagKeyList":["a"],"MaxResults":1e2}`,
		`{"StartTimestamp":1.511852109126E9,"Pairs":[{"Key":"k","Value":"v"}]}`,
		`{"StreamName":null,"streamname":"x","DataRetentionInHours":-0.0}`, `[[[[`, `{"Flag":true,"Long":-7}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got sample
		if err := wire.DecodeJSON(body, &got); err != nil {
			if millrace.CodeOf(err) != millrace.CodeSerialization {
				t.Errorf("code %d: %v", millrace.CodeOf(err), err)
			}
			return
		}
		if len(strings.TrimSpace(string(body))) == 0 {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("accepted, but no JSON object: %v", err)
		}
		var name string
		if raw, ok := members["StreamName"]; ok && json.Unmarshal(raw, &name) == nil && name != got.StreamName {
			t.Errorf("name %q, want %q", got.StreamName, name)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var second sample
		if err := wire.DecodeJSON(again, &second); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		second.Unnamed, got.Unnamed = "", ""
		if !reflect.DeepEqual(normal(got), normal(second)) {
			t.Errorf("%+v came back as %+v", got, second)
		}
	})
}

// normal forgets the difference between empty and absent, which encoding/json
// does not keep for maps and lists that are nil.
func normal(s sample) sample {
	if len(s.Tags) == 0 {
		s.Tags = nil
	}
	if len(s.Keys) == 0 {
		s.Keys = nil
	}
	if len(s.Pairs) == 0 {
		s.Pairs = nil
	}
	return s
}
