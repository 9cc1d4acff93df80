package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// A wallRow is an operation and members that let it do no harm where it is
// allowed.
type wallRow struct {
	members map[string]any
	on      subject
}

// A subject is what an operation is about.
type subject uint8

const (
	aStream   subject = iota // by StreamName or StreamARN
	anARN                    // a stream, by StreamARN alone
	aResource                // a stream, by ResourceARN alone
	aCreation                // a stream that may not be there yet, by name
	all                      // everything there is
	aChannel                 // a signaling channel, which no pattern of streams is
	oneself                  // no stream
)

// channelARN has the name of a stream.
const channelARN = "arn:aws:kinesisvideo:us-west-2:000000000000:channel/cam-1/1700000000000"

// wallRows are all operations that the server offers.
func wallRows() map[string]wallRow {
	type in = map[string]any
	wrong := in{"CurrentVersion": "wrong"}
	times := in{"StartTimestamp": 1, "EndTimestamp": 2}
	return map[string]wallRow{
		"CreateStream":        {in{}, aCreation},
		"DescribeStream":      {in{}, aStream},
		"UpdateStream":        {wrong, aStream},
		"DeleteStream":        {wrong, anARN},
		"UpdateDataRetention": {in{"CurrentVersion": "wrong", "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 1}, aStream},
		"GetDataEndpoint":     {in{"APIName": "PUT_MEDIA"}, aStream},
		"TagStream":           {in{"Tags": in{"a": "b"}}, aStream},
		"UntagStream":         {in{"TagKeyList": []string{"a"}}, aStream},
		"ListTagsForStream":   {in{}, aStream},
		"TagResource":         {in{"Tags": []in{{"Key": "a", "Value": "b"}}}, aResource},
		"UntagResource":       {in{"TagKeyList": []string{"a"}}, aResource},
		"ListTagsForResource": {in{}, aResource},
		"PutMedia":            {in{}, aStream},
		"GetMedia":            {in{"StartSelector": in{"StartSelectorType": "NOW"}}, aStream},
		"DeleteMedia":         {in{"TimestampType": "SERVER_TIMESTAMP", "StartTimestamp": 1, "EndTimestamp": 2}, aStream},

		"ListFragments":             {in{"FragmentSelector": in{"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": times}}, aStream},
		"GetMediaForFragmentList":   {in{"Fragments": []string{"1"}}, aStream},
		"GetClip":                   {in{"ClipFragmentSelector": in{"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": times}}, aStream},
		"GetHLSStreamingSessionURL": {in{}, aStream},
		"GetMediaFileURL":           {in{"From": 1, "To": 2}, aStream},

		"DescribeNotificationConfiguration":    {in{}, aStream},
		"UpdateNotificationConfiguration":      {in{}, aStream},
		"DescribeImageGenerationConfiguration": {in{}, aStream},
		"UpdateImageGenerationConfiguration":   {in{}, aStream},
		"DescribeStreamStorageConfiguration":   {in{}, aStream},
		"UpdateStreamStorageConfiguration":     {in{"CurrentVersion": "wrong", "StreamStorageConfiguration": in{"DefaultStorageTier": "HOT"}}, aStream},
		"DescribeMappedResourceConfiguration":  {in{}, aStream},
		"DescribeEdgeConfiguration":            {in{}, aStream},
		"DeleteEdgeConfiguration":              {in{}, aStream},
		"StartEdgeConfigurationUpdate": {in{"EdgeConfig": in{
			"HubDeviceArn":   "arn:aws:iot:us-west-2:000000000000:thing/hub",
			"RecorderConfig": in{"MediaSourceConfig": in{"MediaUriSecretArn": "arn:aws:secretsmanager:us-west-2:000000000000:secret:a", "MediaUriType": "RTSP_URI"}},
		}}, aStream},
		"ListEdgeAgentConfigurations": {in{"HubDeviceArn": "arn:aws:iot:us-west-2:000000000000:thing/hub"}, all},

		"DescribeMediaStorageConfiguration": {in{"ChannelARN": channelARN}, aChannel},
		"UpdateMediaStorageConfiguration":   {in{"ChannelARN": channelARN, "MediaStorageConfiguration": in{"Status": "DISABLED"}}, aChannel},

		"ListStreams":     {in{}, all},
		"ListDeletions":   {in{}, all},
		"DescribeClock":   {in{}, all},
		"AcceptClock":     {in{"DifferenceInMillis": 1 << 40}, all},
		"ListKeys":        {in{}, all},
		"CreateKey":       {in{"Name": "x", "Actions": []string{"ReadMetrics"}}, all},
		"UpdateKey":       {in{"AccessKeyId": "MILLAAAAAAAAAAAAAAAA"}, all},
		"DeleteKey":       {in{"AccessKeyId": "MILLAAAAAAAAAAAAAAAA"}, all},
		"ListDevices":     {in{}, all},
		"CreateDevice":    {in{"DeviceName": "cam-1", "CertificateRequest": "x"}, all},
		"UpdateDevice":    {in{"DeviceName": "cam-1", "Status": "DISABLED"}, all},
		"DeleteDevice":    {in{"DeviceName": "cam-1"}, all},
		"GetSessionToken": {in{}, oneself},
	}
}

// A wallKey is somebody and what they may do, as the model knows it: every one
// of the scopes must allow it.
type wallKey struct {
	credential
	scopes []modelScope
}

type modelScope struct{ actions, streams []string }

// governing are the actions that wildcards reach only if they are "*".
var governing = regexp.MustCompile(`(Key|Device)s?$`)

// dataPlane are the actions whose lack is reported as the data plane does.
var dataPlane = regexp.MustCompile(`^(PutMedia|GetMedia|GetMediaForFragmentList|ListFragments|GetClip|GetHLSStreamingSessionURL|GetMediaFileURL)$`)

// expressions are the patterns' that were seen, for they take long to make.
var expressions sync.Map

// like says whether any of the patterns matches, by regular expressions.
func like(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		known, ok := expressions.Load(p)
		if !ok {
			expr := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(p))
			known, _ = expressions.LoadOrStore(p, regexp.MustCompile(`(?s)^`+expr+`$`))
		}
		return known.(*regexp.Regexp).MatchString(name)
	})
}

// allows is the model: it shares nothing with the code under test.
func (s modelScope) allows(op string, on subject, stream string) bool {
	action := like(s.actions, op)
	if governing.MatchString(op) {
		action = slices.Contains(s.actions, "*") || slices.Contains(s.actions, op)
	}
	switch on {
	case oneself:
		return action
	case all, aChannel:
		return action && slices.Contains(s.streams, "*")
	}
	return action && like(s.streams, stream)
}

func (k wallKey) allows(op string, on subject, stream string) bool {
	for _, s := range k.scopes {
		if !s.allows(op, on, stream) {
			return false
		}
	}
	return true
}

// wallKeys makes keys of every shape, and sessions of some.
func (g *guarded) wallKeys() []wallKey {
	var keys []wallKey
	for name, scope := range map[string][2]string{
		"metrics":   {"ReadMetrics", ""},
		"exact":     {"DescribeStream PutMedia TagStream GetSessionToken", "cam"},
		"prefix":    {"*", "cam-*"},
		"mark":      {"*", "cam-?"},
		"case":      {"*", "CAM*"},
		"dots":      {"*", ".."},
		"getters":   {"Get* Describe*", "*"},
		"listers":   {"List* Update*", "*"},
		"everybody": {"*", "*"},
		"nowhere":   {"*", ""},
		"two":       {"PutMedia CreateStream", "cam door"},
		"middle":    {"*Media", "*-1 a*b"},
		"keeper":    {"CreateKey UpdateKey DeleteKey ListKeys ReadMetrics", "*"},
		"marks":     {"?etMedia Tag* Untag* ?reateStream", "cam?1 ghost"},
	} {
		keys = append(keys, wallKey{g.key(name, scope[0], scope[1]), []modelScope{{strings.Fields(scope[0]), strings.Fields(scope[1])}}})
	}
	for _, k := range keys {
		var want modelScope
		switch {
		case strings.HasSuffix(k.arn, "/everybody"):
			want = modelScope{[]string{"DescribeStream", "PutMedia"}, []string{"cam-1", "ghost"}}
		case strings.HasSuffix(k.arn, "/prefix"):
			want = modelScope{[]string{"Get*", "List*"}, []string{"cam-1*"}}
		default:
			continue
		}
		c := g.session(k.Credentials, map[string]any{"Name": "narrow", "Actions": want.actions, "Streams": want.streams})
		arn := strings.NewReplacer(":iam:", ":sts:", ":user/", ":assumed-role/").Replace(k.arn) + "/narrow"
		keys = append(keys, wallKey{credential{c, arn}, append(k.scopes, want)})
	}
	return keys
}

// A wallTarget is a stream as somebody calls it, and what it is then.
type wallTarget struct {
	name, arn string // one of them
	stream    string
	there     bool
}

// wallTargets makes streams whose names are easily taken for one another, and
// calls them, and others that are not there, in every way.
func (g *guarded) wallTargets() []wallTarget {
	var targets []wallTarget
	for i, name := range []string{"cam-1", "cam", "cam-10", "CAM-1", ".."} {
		_, out := g.call("/createStream", map[string]any{"StreamName": name})
		arn, ok := out["StreamARN"].(string)
		if !ok {
			g.t.Fatalf("create %s: %v", name, out)
		}
		targets = append(targets, wallTarget{name: name, stream: name, there: true}, wallTarget{arn: arn, stream: name, there: true})
		if i > 0 {
			continue
		}
		for _, other := range []string{
			strings.Replace(arn, "us-west-2", "us-east-1", 1),
			strings.Replace(arn, g.cfg.Account, "999999999999", 1),
			arn + "0", arn[:strings.LastIndex(arn, "/")] + "/0",
			strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1),
		} {
			targets = append(targets, wallTarget{arn: other, stream: name})
		}
	}
	for _, name := range []string{"ghost", "cam-", "cam-2", "...", "door"} {
		targets = append(targets, wallTarget{name: name, stream: name})
	}
	targets = append(targets, wallTarget{arn: "arn:aws:kinesisvideo:us-west-2:" + g.cfg.Account + ":stream/ghost/1700000000000", stream: "ghost"})
	return targets
}

// in is the members that call the target, unless the operation cannot.
func (t wallTarget) in(row wallRow) (map[string]any, bool) {
	in := maps.Clone(row.members)
	switch {
	case row.on == aResource && t.arn != "":
		in["ResourceARN"] = t.arn
	case row.on == aResource, row.on == anARN && t.arn == "", row.on == aCreation && t.arn != "":
		return nil, false
	case t.arn != "":
		in["StreamARN"] = t.arn
	default:
		in["StreamName"] = t.name
	}
	return in, true
}

// TestTenantWall (I10): every key, on every operation, of every stream, gets
// what the model says, and who is refused is not told whether the stream is
// there.
func TestTenantWall(t *testing.T) {
	g := guard(t)
	targets, keys := g.wallTargets(), g.wallKeys()
	paths, rows := g.s.Paths(), wallRows()
	asked, refused := 0, 0
	for name, path := range paths {
		if a := g.as(g.root(), path, map[string]any{}); a.status == http.StatusNotImplemented {
			continue // not offered
		}
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row in this test: say what it is about and how it is called without harm", name)
			continue
		}
		for _, k := range keys {
			for _, target := range targets {
				in, ok := row.members, true
				if row.on < all {
					in, ok = target.in(row)
				}
				if !ok || row.on == aCreation && !target.there && k.allows(name, row.on, target.stream) {
					continue // it would be made
				}
				asked++
				if a := g.as(k.Credentials, path, in); !g.checkWall(k, name, row, target, a) {
					refused++
				}
				if row.on >= all {
					break
				}
			}
		}
	}
	t.Logf("%d calls, %d refused", asked, refused)
	if refused < asked/4 || refused > asked*19/20 {
		t.Errorf("of %d calls %d were refused: the keys do not tell much", asked, refused)
	}
}

// checkWall compares an answer with the model, and reports whether the call was
// allowed.
func (g *guarded) checkWall(k wallKey, op string, row wallRow, target wallTarget, a reply) bool {
	g.t.Helper()
	may := k.allows(op, row.on, target.stream)
	if op == "CreateKey" {
		may = may && k.allows("ReadMetrics", oneself, "") // which the new key has
	}
	resource := target.name + target.arn
	switch row.on {
	case all:
		resource = "*"
	case aChannel:
		resource = channelARN
	case oneself:
		resource = k.arn
	}
	what := fmt.Sprintf("%s by %s on %s", op, k.arn, resource)
	if !may {
		kind := "AccessDeniedException"
		if dataPlane.MatchString(op) {
			kind = "NotAuthorizedException"
		}
		text := "User: " + k.arn + " is not authorized to perform: kinesisvideo:" + op + " on resource: " + resource
		if op == "CreateKey" && k.allows(op, row.on, "") {
			text = a.message // which says more
		}
		if a.status != http.StatusForbidden || a.kind != kind || a.message != text {
			g.t.Errorf("%s: %d %s %q, want %s %q", what, a.status, a.kind, a.message, kind, text)
		}
		return false
	}
	found := a.status == http.StatusOK || a.status == http.StatusBadRequest // a wrong version, or a name that is taken
	if row.on < all && row.on != aCreation && !target.there {
		found = a.status == http.StatusNotFound && a.kind == "ResourceNotFoundException"
	}
	switch {
	case op == "DescribeEdgeConfiguration", op == "DeleteEdgeConfiguration":
		found = found || a.kind == "StreamEdgeConfigurationNotFoundException"
	case strings.HasSuffix(op, "Device"), op == "ListDevices":
		found = a.status == http.StatusNotImplemented // for want of TLS
	case op == "UpdateKey", op == "DeleteKey", row.on == aChannel:
		found = a.status == http.StatusNotFound
	}
	if !found {
		g.t.Errorf("%s is allowed: %d %s %q", what, a.status, a.kind, a.message)
	}
	return true
}

// TestNamesThatAreNone are refused alike, whoever asks.
func TestNamesThatAreNone(t *testing.T) {
	g := guard(t)
	g.create("cam", 24)
	_, out := g.call("/describeStream", map[string]any{"StreamName": "cam"})
	arn := out["StreamInfo"].(map[string]any)["StreamARN"].(string)
	rows, paths := wallRows(), g.s.Paths()
	keys := []wire.Credentials{g.root(), g.key("some", "*", "cam").Credentials, g.key("none", "ReadMetrics", "").Credentials}
	for op, row := range rows {
		if row.on != aStream || op == "PutMedia" {
			continue
		}
		for _, members := range []map[string]any{
			{"StreamName": ""},
			{"StreamName": "cam-*"},
			{"StreamName": "*"},
			{"StreamName": "cam?"},
			{"StreamName": "cam/../door"},
			{"StreamName": "../cam"},
			{"StreamName": "cam%00"},
			{"StreamName": "cam\x00"},
			{"StreamName": "cam\n"},
			{"StreamName": "cäm"},
			{"StreamName": "ｃａｍ"},
			{"StreamName": "сам"},
			{"StreamName": strings.Repeat("c", 257)},
			{"StreamName": arn},
			{"StreamARN": "cam"},
			{"StreamARN": arn + "/x"},
			{"StreamARN": strings.Replace(arn, "stream/", "channel/", 1)},
			{"StreamARN": strings.Replace(arn, "/cam/", "/*/", 1)},
			{"StreamARN": strings.Replace(arn, "/cam/", "/../cam/", 1)},
			{"StreamARN": "arn:aws:iam::000000000000:user/cam"},
			{"StreamARN": "*"},
			{"StreamARN": arn, "StreamName": "door"},
			{"StreamARN": strings.Replace(arn, "/cam/", "/door/", 1), "StreamName": "cam"},
		} {
			in := maps.Clone(row.members)
			maps.Copy(in, members)
			for _, k := range keys {
				if a := g.as(k, paths[op], in); a.status != http.StatusBadRequest && a.status != http.StatusNotImplemented {
					t.Errorf("%s of %q: %d %s %q", op, members, a.status, a.kind, a.message)
				}
			}
		}
	}
}

// TestTagsOfANewStreamWantTheirOwnAction: CreateStream alone does not set tags.
func TestTagsOfANewStreamWantTheirOwnAction(t *testing.T) {
	g := guard(t)
	plain, tagger := g.key("plain", "CreateStream", "new*"), g.key("tagger", "CreateStream TagStream", "new*")
	in := map[string]any{"StreamName": "new-1", "Tags": map[string]string{"a": "b"}}
	want := "User: " + plain.arn + " is not authorized to perform: kinesisvideo:TagStream on resource: new-1"
	if a := g.as(plain.Credentials, "/createStream", in); a.status != http.StatusForbidden || a.message != want {
		t.Errorf("with tags: %d %q", a.status, a.message)
	}
	if a := g.as(g.root(), "/describeStream", map[string]any{"StreamName": "new-1"}); a.status != http.StatusNotFound {
		t.Errorf("it was made: %+v", a.status)
	}
	if a := g.as(plain.Credentials, "/createStream", map[string]any{"StreamName": "new-1"}); a.status != http.StatusOK {
		t.Errorf("without tags: %d %q", a.status, a.message)
	}
	in["StreamName"] = "new-2"
	if a := g.as(tagger.Credentials, "/createStream", in); a.status != http.StatusOK {
		t.Errorf("with the action: %d %q", a.status, a.message)
	}
}
