package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store/mem"
)

// A specimen is a request with every member that an operation has, and what the
// server is like that it is sent to. In the texts $arn and $version stand for
// those of the stream "cam".
type specimen struct {
	body   string
	bare   string // with as little as possible; empty means what the stream is addressed by
	before string // path and body of a request to be made first
	want   string // answer to body
}

const addressed = `"StreamName":"cam","StreamARN":"$arn"`

func specimens() map[string]specimen {
	const (
		channel   = `"ChannelARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/c/1705489836421"`
		condition = `{"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"c"}`
	)
	edge := "/startEdgeConfigurationUpdate " + edgeBody("cam", hub("a"))
	notification, image := configurations()[0], configurations()[1]
	both := `{` + addressed + `}`
	listed := `"NextToken":""`
	return map[string]specimen{
		"CreateStream": {body: `{"StreamName":"new","DeviceName":"d","MediaType":"video/h264","KmsKeyId":"key","DataRetentionInHours":2,` +
			`"Tags":{"k":"v"},"StreamStorageConfiguration":{"DefaultStorageTier":"WARM"}}`, bare: `{"StreamName":"new"}`},
		"DescribeStream":      {body: both},
		"ListStreams":         {body: `{"MaxResults":1,"NextToken":"","StreamNameCondition":` + condition + `}`, bare: `{}`},
		"UpdateStream":        {body: `{` + addressed + `,"CurrentVersion":"$version","DeviceName":"d","MediaType":"video/h264"}`},
		"DeleteStream":        {body: `{"StreamARN":"$arn","CurrentVersion":"$version"}`},
		"UpdateDataRetention": {body: `{` + addressed + `,"CurrentVersion":"$version","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1}`},
		"GetDataEndpoint":     {body: `{` + addressed + `,"APIName":"PUT_MEDIA"}`},
		"TagStream":           {body: `{` + addressed + `,"Tags":{"k":"v"}}`},
		"UntagStream":         {body: `{` + addressed + `,"TagKeyList":["k"]}`},
		"ListTagsForStream":   {body: `{` + addressed + `,` + listed + `}`, before: `/tagStream {"StreamName":"cam","Tags":{"k":"v"}}`},
		"TagResource":         {body: `{"ResourceARN":"$arn","Tags":[{"Key":"k","Value":"v"}]}`},
		"UntagResource":       {body: `{"ResourceARN":"$arn","TagKeyList":["k"]}`},
		"ListTagsForResource": {
			body: `{"ResourceARN":"$arn",` + listed + `}`, bare: `{"ResourceARN":"$arn"}`,
			before: `/tagStream {"StreamName":"cam","Tags":{"k":"v"}}`,
		},

		"DescribeNotificationConfiguration": {body: both, before: notification.update + " " + notification.put(notification.full)},
		"UpdateNotificationConfiguration":   {body: `{` + addressed + `,"NotificationConfiguration":` + notification.full + `}`},
		"DescribeImageGenerationConfiguration": {
			body: both, before: image.update + " " + image.put(image.full),
		},
		"UpdateImageGenerationConfiguration": {body: `{` + addressed + `,"ImageGenerationConfiguration":` + image.full + `}`},
		"DescribeStreamStorageConfiguration": {body: both},
		"UpdateStreamStorageConfiguration": {
			body: `{` + addressed + `,"CurrentVersion":"$version","StreamStorageConfiguration":{"DefaultStorageTier":"WARM"}}`,
		},
		"DescribeMappedResourceConfiguration": {body: `{` + addressed + `,"MaxResults":1,` + listed + `}`},
		"DescribeMediaStorageConfiguration":   {body: `{"ChannelName":"c",` + channel + `}`, want: missing},
		"UpdateMediaStorageConfiguration": {
			body: `{` + channel + `,"MediaStorageConfiguration":{"Status":"DISABLED","StreamARN":"$arn"}}`, want: missing,
		},

		"StartEdgeConfigurationUpdate": {
			body: `{` + addressed + `,"EdgeConfig":` + edgeValue(hub("a")) + `}`,
			bare: `{"StreamName":"cam","EdgeConfig":` + smallEdgeValue(hub("a")) + `}`,
		},
		"DescribeEdgeConfiguration": {body: both, before: edge},
		"DeleteEdgeConfiguration":   {body: both, before: edge},
		"ListEdgeAgentConfigurations": {
			body: `{"HubDeviceArn":"` + hub("a") + `","MaxResults":1,` + listed + `}`, bare: `{"HubDeviceArn":"` + hub("a") + `"}`, before: edge,
		},

		"CreateSignalingChannel": {body: `{"ChannelName":"c","ChannelType":"SINGLE_MASTER","SingleMasterConfiguration":{"MessageTtlSeconds":60},` +
			`"Tags":[{"Key":"k","Value":"v"}]}`},
		"DescribeSignalingChannel": {body: `{"ChannelName":"c",` + channel + `}`},
		"ListSignalingChannels":    {body: `{"MaxResults":1,"NextToken":"","ChannelNameCondition":` + condition + `}`},
		"UpdateSignalingChannel":   {body: `{` + channel + `,"CurrentVersion":"v","SingleMasterConfiguration":{"MessageTtlSeconds":60}}`},
		"DeleteSignalingChannel":   {body: `{` + channel + `,"CurrentVersion":"v"}`},
		"GetSignalingChannelEndpoint": {
			body: `{` + channel + `,"SingleMasterChannelEndpointConfiguration":{"Protocols":["WSS"],"Role":"MASTER"}}`,
		},
	}
}

// A stage is a server with the stream "cam", on which a specimen is tried.
type stage struct {
	h   *api.Handler
	now *time.Time
	arn string
}

// newStage makes one. If the stream is full it has every setting.
func newStage(t *testing.T, full bool) *stage {
	t.Helper()
	s := &stage{}
	s.h, s.now = clocked(t, mem.NewControl())
	more := ""
	if full {
		more = `,"DeviceName":"d","MediaType":"video/h264"`
	}
	s.arn = post(t, s.h, "/createStream", `{"StreamName":"cam","DataRetentionInHours":24`+more+`}`).field(t, "StreamARN")
	return s
}

// post fills a request in and sends it.
func (s *stage) post(t *testing.T, path, body string) reply {
	t.Helper()
	if strings.Contains(body, "$version") {
		info := postAt(t, s.h, *s.now, "/describeStream", `{"StreamName":"cam"}`)
		body = strings.ReplaceAll(body, "$version", info.field(t, "StreamInfo", "Version"))
	}
	return postAt(t, s.h, *s.now, path, strings.ReplaceAll(body, "$arn", s.arn))
}

// prepare makes the request that comes first.
func (s *stage) prepare(t *testing.T, request string) {
	t.Helper()
	if path, body, ok := strings.Cut(request, " "); ok {
		wantFine(t, s.post(t, path, body))
	}
}

// TestSpecimensHaveEveryMember: what the other tests take out and change is all
// that there is.
func TestSpecimensHaveEveryMember(t *testing.T) {
	all := specimens()
	for _, s := range controlShapes(t) {
		tree := parseTree(t, all[s.name].body)
		for _, m := range s.in {
			if _, ok := look(tree, m.path); !ok {
				t.Errorf("the specimen of %s has no %s", s.name, m.path)
			}
		}
		for path := range flatten(tree, s.in) {
			if !slices.ContainsFunc(s.in, func(m memberShape) bool { return m.path == path }) {
				t.Errorf("the specimen of %s has %s, which the table has not", s.name, path)
			}
		}
	}
}

// flatten returns the values of a tree by the paths of the table, which says
// what is a map.
func flatten(tree map[string]any, members []memberShape) map[string][]any {
	found := map[string][]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if path != "" {
			found[path] = append(found[path], v)
		}
		isMap := slices.ContainsFunc(members, func(m memberShape) bool { return m.path == path && m.kind == "map" })
		switch v := v.(type) {
		case []any:
			for _, elem := range v {
				walk(path+"[]", elem)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				switch {
				case isMap:
					found[path+"{key}"] = append(found[path+"{key}"], name)
					walk(path+"{value}", v[name])
				case path == "":
					walk(name, v[name])
				default:
					walk(path+"."+name, v[name])
				}
			}
		}
	}
	walk("", tree)
	return found
}

// TestAnswersHaveTheShapesOfTheTable compares what is answered with the table,
// member by member: none that the table has not, none missing, each of its type
// and within its facts, and absent where nothing was set.
func TestAnswersHaveTheShapesOfTheTable(t *testing.T) {
	all := specimens()
	for _, s := range controlShapes(t) {
		if !s.offered {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			full := answerOf(t, s, all[s.name], true)
			bare := answerOf(t, s, all[s.name], false)
			for _, m := range s.out {
				_, inFull := full[m.path]
				_, inBare := bare[m.path]
				wantFull, wantBare := !m.has("never"), !m.has("never") && !m.has("optional")
				if inFull != wantFull {
					t.Errorf("%s is there: %t, want %t", m.path, inFull, wantFull)
				}
				if inBare != wantBare {
					t.Errorf("%s is there where nothing was set: %t, want %t", m.path, inBare, wantBare)
				}
			}
			for _, answer := range []map[string][]any{full, bare} {
				for path, values := range answer {
					m, ok := s.member(path)
					if !ok {
						t.Errorf("%s is not in the table", path)
						continue
					}
					for _, v := range values {
						if why := m.mismatch(v); why != "" {
							t.Errorf("%s = %v: %s", path, v, why)
						}
					}
				}
			}
		})
	}
}

// answerOf returns what is answered to a specimen where everything was set, or
// nothing.
func answerOf(t *testing.T, s shape, sp specimen, full bool) map[string][]any {
	t.Helper()
	stage := newStage(t, full)
	body, before := sp.body, sp.before
	switch {
	case full && s.name == "ListStreams":
		before = `/createStream {"StreamName":"cam2"}`
	case full && s.name == "ListEdgeAgentConfigurations":
		wantFine(t, stage.post(t, "/createStream", `{"StreamName":"cam2","DataRetentionInHours":1}`))
		wantFine(t, stage.post(t, "/startEdgeConfigurationUpdate", edgeBody("cam2", hub("a"))))
	case !full && strings.HasPrefix(before, "/startEdge"): // cannot do without
		before = `/startEdgeConfigurationUpdate {"StreamName":"cam","EdgeConfig":` + smallEdgeValue(hub("a")) + `}`
	case !full:
		before = ""
	}
	if !full && sp.bare != "" {
		body = sp.bare
	}
	stage.prepare(t, before)
	if full && strings.Contains(before, "Edge") {
		*stage.now = stage.now.Add(15 * time.Minute)
	}
	got := stage.post(t, s.path, body)
	if got.errorType() != sp.want {
		t.Fatalf("%s: %d %s", body, got.status, got.body)
	}
	if sp.want != fine {
		return nil
	}
	return flatten(parseTree(t, got.body), s.out)
}

// mismatch says how a value of an answer is not what the table says, or nothing.
func (m memberShape) mismatch(v any) string {
	number, _ := v.(json.Number)
	whole := regexp.MustCompile(`^-?[0-9]+$`)
	switch v := v.(type) {
	case string:
		if m.kind != "string" {
			return "a string, not a " + m.kind
		}
		return m.mismatchOfText(v)
	case bool:
		if m.kind != "boolean" {
			return "a boolean, not a " + m.kind
		}
	case json.Number:
		if m.kind == "integer" && !whole.MatchString(number.String()) || m.kind != "integer" && m.kind != "timestamp" {
			return "a number, not a " + m.kind
		}
		if m.kind == "timestamp" && !regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`).MatchString(number.String()) {
			return "not seconds with three decimals"
		}
	case []any:
		if m.kind != "list" {
			return "a list, not a " + m.kind
		}
	case map[string]any:
		if m.kind != "structure" && m.kind != "map" {
			return "an object, not a " + m.kind
		}
	default:
		return "null"
	}
	return ""
}

func (m memberShape) mismatchOfText(v string) string {
	if m.has("enum") && !slices.Contains(strings.Split(m.facts["enum"], "|"), v) {
		return "not one of " + m.facts["enum"]
	}
	if least, most := m.bounds("len"); m.has("len") && (len(v) < least || most >= 0 && len(v) > most) {
		return "length is not " + m.facts["len"]
	}
	if m.has("pattern") && !m.pattern().MatchString(v) {
		return "does not match " + m.facts["pattern"]
	}
	return ""
}

func TestSignalingChannelsAreRefused(t *testing.T) {
	all := specimens()
	for _, s := range controlShapes(t) {
		if !s.offered {
			wantAnswer(t, newStage(t, false).post(t, s.path, all[s.name].body), http.StatusNotImplemented, notOffered)
		}
	}
}
