package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// overtaking is a control state that says once that somebody was quicker.
type overtaking struct {
	store.Control
	times int
}

func (o *overtaking) Update(ctx context.Context, s millrace.Stream, was string) error {
	if o.times > 0 {
		o.times--
		return millrace.ErrConflict
	}
	return o.Control.Update(ctx, s, was)
}

// TestACallThatLooksAgainCountsOnce: where somebody else was quicker, the call
// looks for its stream a second time, and is one request still.
func TestACallThatLooksAgainCountsOnce(t *testing.T) {
	control := &overtaking{Control: mem.NewControl(), times: 1}
	c := config(control)
	c.Requests = limit.NewRequests(map[string]limit.Rate{"UpdateStream": {Account: 1, Resource: 1}}, clock)
	h := newHandler(t, c)
	create(t, h, "cam")
	version := post(t, h, "/describeStream", `{"StreamName":"cam"}`).field(t, "StreamInfo", "Version")
	body := `{"StreamName":"cam","CurrentVersion":"` + version + `","DeviceName":"door"}`
	if r := post(t, h, "/updateStream", body); r.status != http.StatusOK || control.times != 0 {
		t.Errorf("the call that looks twice: %d %s", r.status, r.body)
	}
	if r := post(t, h, "/updateStream", body); r.errorType() != "ClientLimitExceededException" {
		t.Errorf("the next one: %d %s", r.status, r.body)
	}
}

// TestEveryOperationCounts: what is Millrace's own can have rates too.
func TestEveryOperationCounts(t *testing.T) {
	const channel = "arn:aws:kinesisvideo:us-west-2:111122223333:channel/door/1"
	for operation, tc := range map[string]struct{ path, body, resource string }{
		"ListDeletions":                       {"/millrace/v1/listDeletions", `{}`, ""},
		"DeleteMedia":                         {"/millrace/v1/deleteMedia", `{"StreamName":"cam","TimestampType":"SERVER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2}`, "cam"},
		"ListEdgeAgentConfigurations":         {"/listEdgeAgentConfigurations", `{"HubDeviceArn":"` + hub("a") + `"}`, ""},
		"TagResource":                         {"/TagResource", `{"ResourceARN":"` + channel + `","Tags":[{"Key":"k","Value":"v"}]}`, channel},
		"DescribeMediaStorageConfiguration":   {"/describeMediaStorageConfiguration", `{"ChannelARN":"` + channel + `"}`, channel},
		"CreateDevice":                        {"/millrace/v1/createDevice", `{"DeviceName":"gate","CertificateRequest":"x"}`, ""},
		"ListDevices":                         {"/millrace/v1/listDevices", `{}`, ""},
		"UpdateDevice":                        {"/millrace/v1/updateDevice", `{"DeviceName":"gate","Status":"DISABLED"}`, ""},
		"DeleteDevice":                        {"/millrace/v1/deleteDevice", `{"DeviceName":"gate"}`, ""},
		"DescribeMappedResourceConfiguration": {"/describeMappedResourceConfiguration", `{"StreamName":"cam"}`, "cam"},
	} {
		t.Run(operation, func(t *testing.T) {
			for _, rate := range []limit.Rate{{Account: 1}, {Resource: 1}} {
				c := config(mem.NewControl())
				c.Requests = limit.NewRequests(map[string]limit.Rate{operation: rate}, clock)
				h := newHandler(t, c)
				if r := post(t, h, tc.path, tc.body); r.errorType() == "ClientLimitExceededException" || r.errorType() == "InvalidArgumentException" {
					t.Fatalf("the first: %d %s", r.status, r.body)
				}
				got := post(t, h, tc.path, tc.body).errorType()
				if bounded := rate.Account > 0 || tc.resource != ""; bounded != (got == "ClientLimitExceededException") {
					t.Errorf("the second, with %+v: %q", rate, got)
				}
			}
		})
	}
}
