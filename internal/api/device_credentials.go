package api

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/wire"
)

// The path by which clients of AWS IoT ask for credentials, and the header in
// which they may say who they are.
const (
	aliasPrefix = "/role-aliases/"
	aliasSuffix = "/credentials"
	thingHeader = "X-Amzn-Iot-Thingname"
)

// expirationFormat makes the 20 characters that clients expect.
const expirationFormat = "2006-01-02T15:04:05Z"

// requestedAlias returns the role alias of a request for a device's credentials,
// if it is one.
func requestedAlias(r *http.Request) (string, bool) {
	rest, ok := strings.CutPrefix("/"+strings.TrimLeft(r.URL.Path, "/"), aliasPrefix)
	alias, whole := strings.CutSuffix(rest, aliasSuffix)
	return alias, ok && whole && r.Method == http.MethodGet
}

type deviceCredentialsOutput struct {
	Credentials deviceCredentials `json:"credentials"`
}

type deviceCredentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
	Expiration      string `json:"expiration"`
}

// credentialsOperation is the row of such a request, which has no path of its
// own and no signature: the certificate of its connection says whose it is.
func (h *Handler) credentialsOperation(alias string) operation {
	return operation{name: "AssumeRoleWithCertificate", kind: changes, run: func(ctx context.Context, c *call) (any, error) {
		return h.deviceCredentials(ctx, c, alias)
	}}
}

// serveCredentials answers a device, in the forms of AWS IoT.
func (h *Handler) serveCredentials(w http.ResponseWriter, c *call) error {
	out, err := c.operation.run(c.request.Context(), c)
	if err != nil {
		c.refusal = err
		writeIoTError(w, c.id, err)
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return wire.WriteJSON(w, c.id, out)
}

func (h *Handler) deviceCredentials(ctx context.Context, c *call, alias string) (any, error) {
	var shown []*x509.Certificate
	if c.request.TLS != nil {
		shown = c.request.TLS.PeerCertificates
	}
	s, d, err := h.config.Devices.Credentials(ctx, shown, alias, c.request.Header.Get(thingHeader))
	if d.Name != "" {
		c.principal.ARN, c.subject = "device/"+d.Name, d.Name
	}
	if err != nil {
		return nil, explainCredentials(err)
	}
	c.principal = auth.Principal{ARN: c.principal.ARN, KeyID: s.ID}
	return deviceCredentialsOutput{deviceCredentials{
		AccessKeyID: s.ID, SecretAccessKey: s.Secret, SessionToken: s.Token, Expiration: s.Expires.UTC().Format(expirationFormat),
	}}, nil
}

// explainCredentials uses the words of AWS IoT.
func explainCredentials(err error) error {
	refusal := func(code millrace.Code, text string) error {
		return &millrace.Error{Code: code, Message: text, Err: err}
	}
	switch {
	case errors.Is(err, certs.ErrStranger):
		return refusal(millrace.CodeAccessDenied, "Certificate is invalid on this endpoint")
	case errors.Is(err, device.ErrThing):
		return refusal(millrace.CodeAccessDenied, "Invalid thing name passed")
	case errors.Is(err, device.ErrDenied):
		return refusal(millrace.CodeAccessDenied, "Access Denied")
	case errors.Is(err, device.ErrNoAlias):
		return refusal(millrace.CodeNotFound, "Role alias does not exist")
	}
	return explain(err)
}

// writeIoTError answers with an error as AWS IoT does: a message alone in the
// body, the name in a header.
func writeIoTError(w http.ResponseWriter, id string, err error) {
	name, status := wire.Exception(millrace.CodeOf(err))
	text := name
	if e, ok := errors.AsType[*millrace.Error](err); ok && e.Message != "" {
		text = e.Message
	}
	body, _ := json.Marshal(map[string]string{"message": text}) // strings always encode
	wire.SetRequestID(w.Header(), id)
	w.Header()[wire.HeaderErrorType] = []string{name}
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone does not wait for it
}
