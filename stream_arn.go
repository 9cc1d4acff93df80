package millrace

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A StreamARN is the Amazon Resource Name of one incarnation of a stream:
//
//	arn:PARTITION:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATION_MS
type StreamARN struct {
	Partition string
	Region    string
	Account   string
	Name      StreamName
	Created   time.Time // whole milliseconds
}

var arnPattern = regexp.MustCompile(`^arn:([a-z\d-]+):kinesisvideo:([a-z0-9-]+):([0-9]+):([a-z]+)/([a-zA-Z0-9_.-]+)/([0-9]+)$`)

// ParseStreamARN reads an ARN of a stream. ARNs of other resource types, ones
// longer than 1024 bytes and ones with a name that is not a StreamName are
// errors.
func ParseStreamARN(s string) (StreamARN, error) {
	m := arnPattern.FindStringSubmatch(s)
	if m == nil || len(s) > 1024 || m[4] != "stream" {
		return StreamARN{}, fmt.Errorf("%.1100q is not the ARN of a stream", s)
	}
	name, err := ParseStreamName(m[5])
	if err != nil {
		return StreamARN{}, err
	}
	ms, err := strconv.ParseInt(m[6], 10, 64)
	if err != nil {
		return StreamARN{}, fmt.Errorf("creation time of %.1100q: %w", s, err)
	}
	return StreamARN{Partition: m[1], Region: m[2], Account: m[3], Name: name, Created: time.UnixMilli(ms).UTC()}, nil
}

// String returns the ARN's text form.
func (a StreamARN) String() string {
	return strings.Join([]string{
		"arn", a.Partition, "kinesisvideo", a.Region, a.Account,
		"stream/" + string(a.Name) + "/" + strconv.FormatInt(a.Created.UnixMilli(), 10),
	}, ":")
}

// Compare orders ARNs by their text form.
func (a StreamARN) Compare(b StreamARN) int { return strings.Compare(a.String(), b.String()) }
