package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// The exceptions, as they stand in the header.
const (
	fine       = ""
	badArg     = "InvalidArgumentException"
	badARN     = "InvalidResourceFormatException"
	badJSON    = "SerializationException"
	missing    = "ResourceNotFoundException"
	inUse      = "ResourceInUseException"
	staleV     = "VersionMismatchException"
	tooMany    = "TagsPerResourceExceededLimitException"
	denied     = "AccessDeniedException"
	notOffered = "UnsupportedOperationException"
	noSuchOp   = "UnknownOperationException"
)

type validationRow struct {
	name string
	path string
	body string // $arn, $other, $version stand for those of the stream "cam", 30 days old, with 49 tags
	want string
}

// n repeats.
func n(s string, times int) string { return strings.Repeat(s, times) }

func tagEntries(count int) string {
	var entries []string
	for i := range count {
		entries = append(entries, fmt.Sprintf(`"t%d":"v"`, i))
	}
	return strings.Join(entries, ",")
}

func keyEntries(count int) string {
	var entries []string
	for i := range count {
		entries = append(entries, fmt.Sprintf(`"k%d"`, i))
	}
	return strings.Join(entries, ",")
}

// TestValidation has a row for every rule of the protocol on what the members
// of a request may be. What is refused must have changed nothing.
func TestValidation(t *testing.T) {
	var rows []validationRow
	for _, more := range [][]validationRow{
		bodyRows(), nameRows(), arnRows(), versionRows(), keyRows(), mediaTypeRows(), retentionRows(), tagRows(),
		listRows(), endpointRows(), deleteRows(), rangeRows(),
		notificationRows(), imageRows(), storageRows(), channelRows(), edgeRows(),
	} {
		rows = append(rows, more...)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			control := mem.NewControl()
			h := newHandler(t, config(control))
			arn := create(t, h, "cam")
			tags := post(t, h, "/tagStream", `{"StreamName":"cam","Tags":{`+tagEntries(49)+`}}`)
			if tags.status != 200 {
				t.Fatal(tags.body)
			}
			before := dump(t, control)

			body := strings.NewReplacer("$arn", arn, "$version", version(t, h, "cam"),
				"$other", "arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/1705489836421").Replace(row.body)
			got := post(t, h, row.path, body)
			if got.errorType() != row.want || (got.status == 200) != (row.want == fine) {
				t.Errorf("%s %.300s\nanswered %d %q: %s\nwant %q", row.path, body, got.status, got.errorType(), got.body, row.want)
			}
			if row.want != fine {
				if diff := cmp.Diff(before, dump(t, control)); diff != "" {
					t.Errorf("the refused call changed something:\n%s", diff)
				}
				if got.field(t, "__type") != row.want || got.field(t, "message") == "" || got.field(t, "Message") != got.field(t, "message") {
					t.Errorf("body: %s", got.body)
				}
			}
		})
	}
}

// dump is all that a control state says of streams.
func dump(t *testing.T, c store.Control) []any {
	t.Helper()
	list, err := c.List(t.Context(), store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	for _, s := range list {
		tags, _ := c.Tags(t.Context(), s.Key)
		all = append(all, s, tags)
	}
	deletions, err := c.Deletions(t.Context(), millrace.StreamKey{}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deletions {
		all = append(all, fmt.Sprint(d))
	}
	for _, kind := range documentKinds() {
		documents, err := c.Documents(t.Context(), kind, store.DocumentPage{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range documents {
			all = append(all, d)
		}
	}
	return all
}

func bodyRows() []validationRow {
	const p = "/createStream"
	return []validationRow{
		{"1.3 an empty body is an empty object", "/listStreams", ``, fine},
		{"1.3 a body of spaces is an empty object", "/listStreams", " \t\n", fine},
		{"1.8 a body that is no JSON", p, `{"StreamName":`, badJSON},
		{"1.8 a body that is no object", p, `["StreamName"]`, badJSON},
		{"1.8 a body that is a text", p, `"StreamName"`, badJSON},
		{"1.8 a body that is null", p, `null`, badJSON},
		{"1.8 text behind the object", p, `{"StreamName":"x"} {}`, badJSON},
		{"1.8 a number where a string belongs", p, `{"StreamName":7}`, badJSON},
		{"1.8 a string where an integer belongs", p, `{"StreamName":"x","DataRetentionInHours":"24"}`, badJSON},
		{"1.8 a list where a map belongs", p, `{"StreamName":"x","Tags":[]}`, badJSON},
		{"1.8 a number as a tag's value", p, `{"StreamName":"x","Tags":{"a":1}}`, badJSON},
		{"1.3 an integer with a fraction", p, `{"StreamName":"x","DataRetentionInHours":1.5}`, badJSON},
		{"1.3 an integer beyond 32 bits", p, `{"StreamName":"x","DataRetentionInHours":4294967296}`, badJSON},
		{"1.3 an integer as 1.0", p, `{"StreamName":"x","DataRetentionInHours":1.0}`, fine},
		{"1.3 an integer as 1e3", p, `{"StreamName":"x","DataRetentionInHours":1e3}`, fine},
		{"1.3 member names count their case", p, `{"streamName":"x"}`, badArg},
		{"1.3 unknown members are ignored", p, `{"StreamName":"x","Colour":{"deep":[1]}}`, fine},
		{"1.3 a null member is absent", p, `{"StreamName":"x","DeviceName":null,"Tags":null,"DataRetentionInHours":null}`, fine},
		{"1.3 a required member that is null", p, `{"StreamName":null}`, badArg},
		{"1.3 the last of two equal members counts", p, `{"StreamName":"!","StreamName":"x"}`, fine},
		{"1.3 an empty device name is absent", p, `{"StreamName":"x","DeviceName":""}`, fine},
		{"1.3 an empty media type is absent", p, `{"StreamName":"x","MediaType":""}`, fine},
		{"1.3 an empty key is absent", p, `{"StreamName":"x","KmsKeyId":""}`, fine},
		{"1.3 tabs and new lines between members", p, "{\n\t\"StreamName\":\t\"x\"\n}", fine},
	}
}

func nameRows() []validationRow {
	const p = "/createStream"
	return []validationRow{
		{"3.1 a stream name is required", p, `{}`, badArg},
		{"2.1 an empty stream name", p, `{"StreamName":""}`, badArg},
		{"2.1 a stream name of 256 characters", p, `{"StreamName":"` + n("a", 256) + `"}`, fine},
		{"2.1 a stream name of 257 characters", p, `{"StreamName":"` + n("a", 257) + `"}`, badArg},
		{"2.1 every character of stream names", p, `{"StreamName":"azAZ09_.-"}`, fine},
		{"2.1 a stream name with a space", p, `{"StreamName":"a b"}`, badArg},
		{"2.1 a stream name with a slash", p, `{"StreamName":"a/b"}`, badArg},
		{"2.1 a stream name with a letter beyond ASCII", p, `{"StreamName":"é"}`, badArg},
		{"2.1 a stream name that ends in a new line", p, `{"StreamName":"a\n"}`, badArg},
		{"2.1 a stream name that is two dots", p, `{"StreamName":".."}`, fine},
		{"2.1 a stream name is case sensitive", p, `{"StreamName":"CAM"}`, fine},
		{"3.1 a name that is taken", p, `{"StreamName":"cam"}`, inUse},
		{"3.1 a name that is taken, by an equal stream", p, `{"StreamName":"cam","DataRetentionInHours":24}`, inUse},
		{"2.1 a device name of 128 characters", p, `{"StreamName":"x","DeviceName":"` + n("d", 128) + `"}`, fine},
		{"2.1 a device name of 129 characters", p, `{"StreamName":"x","DeviceName":"` + n("d", 129) + `"}`, badArg},
		{"2.1 a device name with a space", p, `{"StreamName":"x","DeviceName":"a b"}`, badArg},
		{"3.4 a device name of 129 characters", "/updateStream", `{"StreamName":"cam","CurrentVersion":"$version","DeviceName":"` + n("d", 129) + `"}`, badArg},
		{"3.4 an empty device name is absent", "/updateStream", `{"StreamName":"cam","CurrentVersion":"$version","DeviceName":""}`, fine},
		{"3.1 a storage tier", p, `{"StreamName":"x","StreamStorageConfiguration":{"DefaultStorageTier":"WARM"}}`, fine},
		{"2.7 a storage tier that is none", p, `{"StreamName":"x","StreamStorageConfiguration":{"DefaultStorageTier":"COLD"}}`, badArg},
		{"3.1 a storage configuration needs its tier", p, `{"StreamName":"x","StreamStorageConfiguration":{}}`, badArg},
	}
}

// A streamOperation is one that addresses a stream by name or ARN.
type streamOperation struct {
	path      string
	rest      string // of the members
	malformed string // answer to an ARN that is not a stream's
	deleting  string // answer for a stream that is being deleted
}

func streamOperations() []streamOperation {
	return []streamOperation{
		{"/describeStream", ``, badArg, fine},
		{"/updateStream", `,"CurrentVersion":"$version"`, badArg, inUse},
		{"/updateDataRetention", `,"CurrentVersion":"$version","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1`, badArg, inUse},
		{"/getDataEndpoint", `,"APIName":"PUT_MEDIA"`, badArg, missing},
		{"/tagStream", `,"Tags":{"a":"b"}`, badARN, missing},
		{"/untagStream", `,"TagKeyList":["a"]`, badARN, missing},
		{"/listTagsForStream", ``, badARN, missing},
		{"/describeNotificationConfiguration", ``, badArg, missing},
		{"/updateNotificationConfiguration", `,"NotificationConfiguration":` + configurations()[0].full, badArg, inUse},
		{"/describeImageGenerationConfiguration", ``, badArg, missing},
		{"/updateImageGenerationConfiguration", `,"ImageGenerationConfiguration":` + configurations()[1].full, badArg, inUse},
		{"/describeStreamStorageConfiguration", ``, badArg, missing},
		{"/updateStreamStorageConfiguration", `,"CurrentVersion":"$version","StreamStorageConfiguration":{"DefaultStorageTier":"WARM"}`, badArg, inUse},
		{"/describeMappedResourceConfiguration", ``, badArg, missing},
		{"/startEdgeConfigurationUpdate", `,"EdgeConfig":` + edgeValue(hub("a")), badArg, inUse},
		{"/millrace/v1/deleteMedia", `,"TimestampType":"SERVER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2`, badArg, missing},
	}
}

// longARN makes an ARN of the given length.
func longARN(resource string, length int) string {
	const head = "arn:aws:kinesisvideo:us-west-2:"
	tail := ":" + resource + "/cam/1705489836421"
	return head + n("1", length-len(head)-len(tail)) + tail
}

// arnRows try every operation that addresses a stream.
func arnRows() []validationRow {
	var rows []validationRow
	for _, op := range streamOperations() {
		add := func(name, ref, want string) {
			rows = append(rows, validationRow{"1.8 " + op.path[1:] + ": " + name, op.path, `{` + ref + op.rest + `}`, want})
		}
		add("neither name nor ARN", `"x":1`, badArg)
		add("the name alone", `"StreamName":"cam"`, fine)
		add("the ARN alone", `"StreamARN":"$arn"`, fine)
		add("name and ARN that agree", `"StreamName":"cam","StreamARN":"$arn"`, fine)
		add("name and ARN that disagree", `"StreamName":"door","StreamARN":"$arn"`, badArg)
		add("a name that is none", `"StreamName":"a b"`, badArg)
		add("an empty name", `"StreamName":""`, badArg)
		add("an unknown name", `"StreamName":"door"`, missing)
		add("the name in another case", `"StreamName":"Cam"`, missing)
		add("the ARN of an unknown stream", `"StreamARN":"$other"`, missing)
		add("the ARN with another creation time", `"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam/1705489836420"`, missing)
		add("the ARN of another account", `"StreamARN":"arn:aws:kinesisvideo:us-west-2:999999999999:stream/cam/1705489836421"`, missing)
		add("the ARN of another region", `"StreamARN":"arn:aws:kinesisvideo:eu-west-1:111122223333:stream/cam/1705489836421"`, missing)
		add("the ARN of another partition", `"StreamARN":"arn:aws-cn:kinesisvideo:us-west-2:111122223333:stream/cam/1705489836421"`, missing)
		add("the ARN of a channel", `"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:channel/cam/1705489836421"`, op.malformed)
		add("the ARN of another service", `"StreamARN":"arn:aws:s3:us-west-2:111122223333:stream/cam/1705489836421"`, op.malformed)
		add("an ARN without creation time", `"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam"`, op.malformed)
		add("an ARN that is a name", `"StreamARN":"cam"`, op.malformed)
		add("an empty ARN", `"StreamARN":""`, op.malformed)
		add("an ARN of 1024 characters", `"StreamARN":"`+longARN("stream", 1024)+`"`, missing)
		add("an ARN of 1025 characters", `"StreamARN":"`+longARN("stream", 1025)+`"`, op.malformed)
		add("an ARN whose time fits no integer", `"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/cam/99999999999999999999"`, op.malformed)
	}
	return rows
}

func versionRows() []validationRow {
	const p = "/updateStream"
	return []validationRow{
		{"3.4 the current version is required", p, `{"StreamName":"cam"}`, badArg},
		{"3.4 the current version", p, `{"StreamName":"cam","CurrentVersion":"$version"}`, fine},
		{"2.2 a stale version", p, `{"StreamName":"cam","CurrentVersion":"davN9FKg4vjyKdCSs0f4"}`, staleV},
		{"2.2 an empty version", p, `{"StreamName":"cam","CurrentVersion":""}`, badArg},
		{"2.2 a version of 64 characters", p, `{"StreamName":"cam","CurrentVersion":"` + n("v", 64) + `"}`, staleV},
		{"2.2 a version of 65 characters", p, `{"StreamName":"cam","CurrentVersion":"` + n("v", 65) + `"}`, badArg},
		{"2.2 a version with a dash", p, `{"StreamName":"cam","CurrentVersion":"a-b"}`, badArg},
		{"1.8 existence comes before version", p, `{"StreamName":"door","CurrentVersion":"stale"}`, missing},
		{"1.8 constraints come before existence", p, `{"StreamName":"door","CurrentVersion":"a-b"}`, badArg},
		{"3.6 a stale version", "/updateDataRetention", `{"StreamName":"cam","CurrentVersion":"stale","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1}`, staleV},
	}
}

func keyRows() []validationRow {
	const p = "/createStream"
	return []validationRow{
		{"2.4 a key that nobody knows", p, `{"StreamName":"x","KmsKeyId":"no such key!"}`, fine},
		{"2.4 a key of 2048 characters", p, `{"StreamName":"x","KmsKeyId":"` + n("k", 2048) + `"}`, fine},
		{"2.4 a key of 2049 characters", p, `{"StreamName":"x","KmsKeyId":"` + n("k", 2049) + `"}`, badArg},
		{"2.4 a key with a new line", p, `{"StreamName":"x","KmsKeyId":"a\nb"}`, badArg},
	}
}

func mediaTypeRows() []validationRow {
	const p = "/createStream"
	return []validationRow{
		{"2.5 one media type", p, `{"StreamName":"x","MediaType":"video/h264"}`, fine},
		{"2.5 two media types", p, `{"StreamName":"x","MediaType":"video/h264,audio/aac"}`, fine},
		{"2.5 every character of media types", p, `{"StreamName":"x","MediaType":"a_9-.+/Z_0-.+"}`, fine},
		{"2.5 a media type without a slash", p, `{"StreamName":"x","MediaType":"video"}`, badArg},
		{"2.5 a media type with a space", p, `{"StreamName":"x","MediaType":"video/h264, audio/aac"}`, badArg},
		{"2.5 a media type that ends in a comma", p, `{"StreamName":"x","MediaType":"video/h264,"}`, badArg},
		{"2.5 a media type with a letter beyond ASCII", p, `{"StreamName":"x","MediaType":"vidéo/h264"}`, badArg},
		{"2.5 a media type of 128 characters", p, `{"StreamName":"x","MediaType":"video/` + n("h", 122) + `"}`, fine},
		{"2.5 a media type of 129 characters", p, `{"StreamName":"x","MediaType":"video/` + n("h", 123) + `"}`, badArg},
		{"3.4 a media type that is none", "/updateStream", `{"StreamName":"cam","CurrentVersion":"$version","MediaType":"video"}`, badArg},
		{"3.4 an empty media type is absent", "/updateStream", `{"StreamName":"cam","CurrentVersion":"$version","MediaType":""}`, fine},
	}
}

func retentionRows() []validationRow {
	change := func(operation, delta string) string {
		return `{"StreamName":"cam","CurrentVersion":"$version","Operation":"` + operation + `_DATA_RETENTION","DataRetentionChangeInHours":` + delta + `}`
	}
	const p = "/updateDataRetention"
	return []validationRow{
		{"2.6 created with no retention", "/createStream", `{"StreamName":"x","DataRetentionInHours":0}`, fine},
		{"2.6 created with the longest retention", "/createStream", `{"StreamName":"x","DataRetentionInHours":87600}`, fine},
		{"2.6 created with more", "/createStream", `{"StreamName":"x","DataRetentionInHours":87601}`, badArg},
		{"2.6 created with less than none", "/createStream", `{"StreamName":"x","DataRetentionInHours":-1}`, badArg},
		{"3.6 increase", p, change("INCREASE", "1"), fine},
		{"2.6 increase to the longest", p, change("INCREASE", "87576"), fine},
		{"2.6 increase beyond the longest", p, change("INCREASE", "87577"), badArg},
		{"2.6 increase by the greatest integer", p, change("INCREASE", "2147483647"), badArg},
		{"3.6 decrease to zero", p, change("DECREASE", "24"), fine},
		{"2.6 decrease below zero", p, change("DECREASE", "25"), badArg},
		{"2.6 decrease by the greatest integer", p, change("DECREASE", "2147483647"), badArg},
		{"3.6 a change by nothing", p, change("INCREASE", "0"), badArg},
		{"3.6 a change by less than nothing", p, change("INCREASE", "-1"), badArg},
		{"3.6 a change that is null", p, change("INCREASE", "null"), badArg},
		{"3.6 an operation that is none", p, change("DOUBLE", "1"), badArg},
		{"3.6 the operation is required", p, `{"StreamName":"cam","CurrentVersion":"$version","DataRetentionChangeInHours":1}`, badArg},
		{"3.6 the change is required", p, `{"StreamName":"cam","CurrentVersion":"$version","Operation":"INCREASE_DATA_RETENTION"}`, badArg},
		{"3.6 the version is required", p, `{"StreamName":"cam","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1}`, badArg},
	}
}
