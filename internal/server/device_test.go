package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// A camera is a device with a certificate.
type camera struct {
	r    *rig
	name string
	pair tls.Certificate
}

// camera makes a device by the operation.
func (r *rig) camera(name string, more map[string]any) camera {
	r.t.Helper()
	key, request, err := certs.NewRequest(name)
	if err != nil {
		r.t.Fatal(err)
	}
	in := map[string]any{"DeviceName": name, "CertificateRequest": string(request)}
	for k, v := range more {
		in[k] = v
	}
	status, out := r.call("/millrace/v1/createDevice", in)
	if status != http.StatusOK {
		r.t.Fatalf("create device: %d %v", status, out)
	}
	if out["AuthorityPem"] != string(r.s.Authority().PEM()) || out["CredentialsEndpoint"] != r.address() {
		r.t.Errorf("made %v", out)
	}
	pair, err := tls.X509KeyPair([]byte(out["CertificatePem"].(string)), key)
	if err != nil {
		r.t.Fatal(err)
	}
	return camera{r, name, pair}
}

// ask asks for credentials as the devices' libraries do.
func (c camera) ask(path string, header http.Header) (int, http.Header, string) {
	c.r.t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.r.s.Authority().Pool(), ServerName: "localhost"}}
	if c.pair.Certificate != nil {
		// Shown whatever authorities the server names, as libraries do.
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.pair, nil }
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, c.r.url+path, nil)
	if err != nil {
		c.r.t.Fatal(err)
	}
	req.Header = header
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		c.r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

const cameraPath = "/role-aliases/camera/credentials"

// credentials takes credentials out, which has to succeed.
func (c camera) credentials() (wire.Credentials, time.Time) {
	c.r.t.Helper()
	status, _, body := c.ask(cameraPath, http.Header{"X-Amzn-Iot-Thingname": {c.name}})
	var out struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken, Expiration string }
	}
	if err := json.Unmarshal([]byte(body), &out); status != http.StatusOK || err != nil {
		c.r.t.Fatalf("%d %s, %v", status, body, err)
	}
	k := out.Credentials
	ends, err := time.Parse("2006-01-02T15:04:05Z", k.Expiration)
	if err != nil || len(k.Expiration) != 20 {
		c.r.t.Errorf("they end %q, %v", k.Expiration, err)
	}
	return wire.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}, ends
}

// callAs makes a call with other credentials than the rig's.
func (r *rig) callAs(k wire.Credentials, path string, in any) (int, string) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, r.url+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := (wire.Signer{Credentials: k, Region: "us-west-2"}).Sign(req, wire.PayloadHash(body), r.now()); err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestADeviceGetsCredentialsForItsStream(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	gate := r.camera("gate", nil)
	k, ends := gate.credentials()
	if left := time.Until(ends); left < 59*time.Minute || left > time.Hour {
		t.Errorf("they are good for %v", left)
	}
	for _, step := range []struct {
		path   string
		in     map[string]any
		status int
	}{
		{"/createStream", map[string]any{"StreamName": "gate", "DataRetentionInHours": 1, "Tags": map[string]string{"a": "b"}}, 200},
		{"/describeStream", map[string]any{"StreamName": "gate"}, 200},
		{"/tagStream", map[string]any{"StreamName": "gate", "Tags": map[string]string{"c": "d"}}, 200},
		{"/getDataEndpoint", map[string]any{"StreamName": "gate", "APIName": "PUT_MEDIA"}, 200},
		{"/createStream", map[string]any{"StreamName": "gate2"}, 403},
		{"/getMedia", map[string]any{"StreamName": "gate", "StartSelector": map[string]string{"StartSelectorType": "NOW"}}, 403},
		{"/listStreams", map[string]any{}, 403},
		{"/millrace/v1/listDevices", map[string]any{}, 403},
		{"/millrace/v1/updateDevice", map[string]any{"DeviceName": "gate", "Status": "ENABLED"}, 403},
	} {
		if status, body := r.callAs(k, step.path, step.in); status != step.status {
			t.Errorf("%s %v: %d %s", step.path, step.in, status, body)
		}
	}
	anonymous := k
	anonymous.SessionToken = ""
	if status, body := r.callAs(anonymous, "/describeStream", map[string]any{"StreamName": "gate"}); status != http.StatusForbidden {
		t.Errorf("without its token: %d %s", status, body)
	}
}

// TestTheAnswersOfTheCredentialsEndpoint: word for word what clients of AWS IoT know.
func TestTheAnswersOfTheCredentialsEndpoint(t *testing.T) {
	var ahead atomic.Int64
	r := startSecure(t, server.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, func(c *config.Server) {
		c.RoleAliases = config.RoleAliases{{Name: "camera", Lifetime: 15 * time.Minute}, {Name: "other", Lifetime: time.Hour}}
	})
	gate, off, gone := r.camera("gate", nil), r.camera("off", nil), r.camera("gone", nil)
	short := r.camera("short", map[string]any{"ValidityInDays": 1})
	foreign := startSecure(t, server.Options{}, nil).camera("gate", nil)
	foreign.r = r
	for path, in := range map[string]map[string]any{
		"/millrace/v1/updateDevice": {"DeviceName": "off", "Status": "DISABLED"},
		"/millrace/v1/deleteDevice": {"DeviceName": "gone"},
	} {
		if status, out := r.call(path, in); status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, status, out)
		}
	}
	const denied, invalid = "AccessDeniedException", `{"message":"Certificate is invalid on this endpoint"}`
	for name, tc := range map[string]struct {
		camera      camera
		path, thing string
		later       time.Duration
		status      int
		kind, body  string
	}{
		"no certificate":      {camera{r: r}, cameraPath, "gate", 0, 403, denied, invalid},
		"a foreign one":       {foreign, cameraPath, "gate", 0, 403, denied, invalid},
		"an expired one":      {short, cameraPath, "short", 25 * time.Hour, 403, denied, invalid},
		"a disabled device":   {off, cameraPath, "off", 0, 403, denied, invalid},
		"a deleted device":    {gone, cameraPath, "gone", 0, 403, denied, invalid},
		"another thing":       {gate, cameraPath, "yard", 0, 403, denied, `{"message":"Invalid thing name passed"}`},
		"an unknown alias":    {gate, "/role-aliases/none/credentials", "gate", 0, 404, "ResourceNotFoundException", `{"message":"Role alias does not exist"}`},
		"an alias of another": {gate, "/role-aliases/other/credentials", "gate", 0, 403, denied, `{"message":"Access Denied"}`},
		"a device":            {gate, cameraPath, "gate", 0, 200, "", `{"credentials":{`},
		"a device, no thing":  {gate, cameraPath, "", 0, 200, "", `{"credentials":{`},
		"further slashes":     {gate, "/" + cameraPath, "gate", 0, 200, "", `{"credentials":{`},
		"another path":        {gate, "/role-aliases/camera/credential", "gate", 0, 404, "UnknownOperationException", ""},
		"a path in the alias": {gate, "/role-aliases/x/../camera/credentials", "gate", 0, 404, "ResourceNotFoundException", ""},
	} {
		ahead.Store(int64(tc.later))
		header := http.Header{}
		if tc.thing != "" {
			header.Set("x-amzn-iot-thingname", tc.thing)
		}
		status, got, body := tc.camera.ask(tc.path, header)
		if status != tc.status || got.Get("x-amzn-ErrorType") != tc.kind || !strings.HasPrefix(body, tc.body) {
			t.Errorf("%s: %d %s %s", name, status, got.Get("x-amzn-ErrorType"), body)
		}
		if len(got.Get("x-amzn-RequestId")) != 36 || got.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRunningCredentialsStopWithTheirDevice(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	r.create("gate", 1)
	gate := r.camera("gate", nil)
	k, _ := gate.credentials()
	describe := func() int {
		status, _ := r.callAs(k, "/describeStream", map[string]any{"StreamName": "gate"})
		return status
	}
	for _, step := range []struct {
		path   string
		in     map[string]any
		status int
	}{
		{"/millrace/v1/updateDevice", map[string]any{"DeviceName": "gate", "Status": "DISABLED"}, 403},
		{"/millrace/v1/updateDevice", map[string]any{"DeviceName": "gate", "Status": "ENABLED"}, 200},
		{"/millrace/v1/deleteDevice", map[string]any{"DeviceName": "gate"}, 403},
	} {
		if status, out := r.call(step.path, step.in); status != http.StatusOK {
			t.Fatalf("%s: %d %v", step.path, status, out)
		}
		if status := describe(); status != step.status {
			t.Errorf("after %s %v: %d", step.path, step.in, status)
		}
	}
}

// TestCredentialsOutliveARestart: those of a device that is still there.
func TestCredentialsOutliveARestart(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	r.create("gate", 1)
	gate := r.camera("gate", nil)
	k, _ := gate.credentials()
	r.client.CloseIdleConnections()
	r.restart()
	if status, body := r.callAs(k, "/describeStream", map[string]any{"StreamName": "gate"}); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	gate.credentials()
}

func TestOperationsOnDevices(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	for _, name := range []string{"a", "b", "c"} {
		r.camera(name, map[string]any{"Streams": []string{name + "-*"}})
	}
	status, out := r.call("/millrace/v1/listDevices", map[string]any{"MaxResults": 2})
	list, _ := out["DeviceList"].([]any)
	if status != http.StatusOK || len(list) != 2 || out["NextToken"] == nil {
		t.Fatalf("%d %v", status, out)
	}
	first := list[0].(map[string]any)
	if first["DeviceName"] != "a" || first["Status"] != "ENABLED" || first["RoleAlias"] != "camera" || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(first["Fingerprint"].(string)) {
		t.Errorf("shown as %v", first)
	}
	if status, out = r.call("/millrace/v1/listDevices", map[string]any{"NextToken": out["NextToken"]}); status != http.StatusOK || len(out["DeviceList"].([]any)) != 1 || out["NextToken"] != nil {
		t.Errorf("%d %v", status, out)
	}
	_, request, err := certs.NewRequest("x")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path   string
		in     map[string]any
		status int
		text   string
	}{
		"no name":              {"createDevice", map[string]any{"CertificateRequest": string(request)}, 400, "'deviceName'"},
		"a bad name":           {"createDevice", map[string]any{"DeviceName": "a/b", "CertificateRequest": string(request)}, 400, "'deviceName'"},
		"no request":           {"createDevice", map[string]any{"DeviceName": "x"}, 400, "'certificateRequest'"},
		"a bad request":        {"createDevice", map[string]any{"DeviceName": "x", "CertificateRequest": "x"}, 400, "certificate request"},
		"a name that is taken": {"createDevice", map[string]any{"DeviceName": "a", "CertificateRequest": string(request)}, 400, "already exists"},
		"no such alias":        {"createDevice", map[string]any{"DeviceName": "x", "CertificateRequest": string(request), "RoleAlias": "none"}, 400, "role alias"},
		"a bad pattern":        {"createDevice", map[string]any{"DeviceName": "x", "CertificateRequest": string(request), "Streams": []string{"a b"}}, 400, "patterns"},
		"no day":               {"createDevice", map[string]any{"DeviceName": "x", "CertificateRequest": string(request), "ValidityInDays": 0}, 400, "'validityInDays'"},
		"no such device":       {"updateDevice", map[string]any{"DeviceName": "x", "Status": "ENABLED"}, 404, "device x"},
		"no such status":       {"updateDevice", map[string]any{"DeviceName": "a", "Status": "OFF"}, 400, "'status'"},
		"nothing to delete":    {"deleteDevice", map[string]any{"DeviceName": "x"}, 404, "device x"},
	} {
		status, out := r.call("/millrace/v1/"+tc.path, tc.in)
		if text, _ := out["message"].(string); status != tc.status || !strings.Contains(text, tc.text) {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
}

// TestWhoMakesDevices: one gives no more than one has.
func TestWhoMakesDevices(t *testing.T) {
	r := startSecure(t, server.Options{}, nil)
	key := func(actions, streams []string) wire.Credentials {
		t.Helper()
		status, out := r.call("/millrace/v1/createKey", map[string]any{"Name": "k", "Actions": actions, "Streams": streams})
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, out)
		}
		return wire.Credentials{AccessKeyID: out["AccessKeyId"].(string), SecretAccessKey: out["SecretAccessKey"].(string)}
	}
	producer := []string{"DescribeStream", "CreateStream", "TagStream", "GetDataEndpoint", "PutMedia"}
	admin := key([]string{"*"}, []string{"*"})
	yard := key(append(producer, "CreateDevice", "UpdateDevice", "DeleteDevice"), []string{"*"})
	wild := key([]string{"Create*", "Describe*", "Tag*", "Get*", "Put*", "Update*", "Delete*", "List*"}, []string{"*"})
	reader := key([]string{"GetMedia", "CreateDevice"}, []string{"*"})
	r.camera("old", nil)
	warden := key([]string{"UpdateDevice", "DeleteDevice"}, []string{"*"})
	for path, in := range map[string]map[string]any{
		"/millrace/v1/updateDevice": {"DeviceName": "old", "Status": "DISABLED"}, "/millrace/v1/deleteDevice": {"DeviceName": "old"},
	} {
		if status, body := r.callAs(warden, path, in); status != http.StatusForbidden {
			t.Errorf("%s of a device with more than the caller's: %d %s", path, status, body)
		}
	}
	for name, tc := range map[string]struct {
		key    wire.Credentials
		device string
		status int
	}{
		"an administrator": {admin, "one", 200}, "a key that has all that the device gets": {yard, "two", 200},
		"a key with wildcards": {wild, "three", 403}, "a key that may not write": {reader, "four", 403},
	} {
		_, request, err := certs.NewRequest(tc.device)
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]any{"DeviceName": tc.device, "CertificateRequest": string(request)}
		if status, body := r.callAs(tc.key, "/millrace/v1/createDevice", in); status != tc.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status, body := r.callAs(tc.key, "/millrace/v1/deleteDevice", map[string]any{"DeviceName": "old"}); tc.status == 403 && status != 403 {
			t.Errorf("%s deletes: %d %s", name, status, body)
		}
	}
}

func TestAPlainServerHasNoDevices(t *testing.T) {
	r := start(t, nil, nil)
	_, request, err := certs.NewRequest("x")
	if err != nil {
		t.Fatal(err)
	}
	status, out := r.call("/millrace/v1/createDevice", map[string]any{"DeviceName": "x", "CertificateRequest": string(request)})
	if text, _ := out["message"].(string); status != http.StatusNotImplemented || !strings.Contains(text, "--tls-auto") {
		t.Errorf("%d %v", status, out)
	}
	if status, _ := r.show(cameraPath); status != http.StatusNotFound {
		t.Errorf("credentials: %d", status)
	}
}
