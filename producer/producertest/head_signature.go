package producertest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// An authorization is what the Authorization header says.
type authorization struct {
	key, day, region, service, end string
	signed                         []string // as they are listed
	signature                      string
}

// authorization reads the header, in the one form that all servers take.
func (h *head) authorization() (a authorization, ok bool) {
	value, _ := h.value("Authorization")
	rest, algorithm := strings.CutPrefix(value, "AWS4-HMAC-SHA256 Credential=")
	credential, rest, list := strings.Cut(rest, ", SignedHeaders=")
	names, signature, end := strings.Cut(rest, ", Signature=")
	parts := strings.Split(credential, "/")
	if !algorithm || !list || !end || len(parts) != 5 || slices.Contains(parts, "") {
		return a, false
	}
	return authorization{parts[0], parts[1], parts[2], parts[3], parts[4], strings.Split(names, ";"), signature}, true
}

func (h *head) oddAuthorization() string {
	a, ok := h.authorization()
	if !ok || len(a.signature) != 2*sha256.Size || strings.Trim(a.signature, "0123456789abcdef") != "" {
		got, _ := h.value("Authorization")
		return "it is " + quote(got)
	}
	return ""
}

func (h *head) oddScope() string {
	a, ok := h.authorization()
	at, dated := h.date()
	switch {
	case !ok:
		return ""
	case a.service != "kinesisvideo", a.end != "aws4_request":
		return "it is for " + quote(a.service+"/"+a.end)
	case strings.Trim(a.region, "-0123456789abcdefghijklmnopqrstuvwxyz") != "":
		return "the region is " + quote(a.region)
	case dated && at.Format("20060102") != a.day:
		return "it is of the day " + quote(a.day)
	}
	return ""
}

// oddList judges the list: lower case, sorted, each once, and all there.
func (h *head) oddList() string {
	a, ok := h.authorization()
	if !ok {
		return ""
	}
	for i, name := range a.signed {
		_, there := h.value(name)
		switch {
		case !there:
			return quote(name) + " is not in the request"
		case name != strings.ToLower(name):
			return quote(name) + " is not in lower case"
		case i > 0 && a.signed[i-1] >= name:
			return quote(name) + " is not in order"
		}
	}
	return ""
}

// unsigned judges what is not in the list. Who may change it on the way could
// make another call of this one.
func (h *head) unsigned() string {
	a, ok := h.authorization()
	for _, f := range h.fields {
		name := strings.ToLower(f.name)
		counts := name == "host" || strings.HasPrefix(name, "x-amz") || strings.HasPrefix(name, "x-millrace-")
		if ok && counts && !slices.ContainsFunc(a.signed, func(s string) bool { return strings.EqualFold(s, name) }) {
			return f.name + " is not signed"
		}
	}
	return ""
}

// Hashes that stand for a body that is not signed.
const (
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	noHash    = "UNSIGNED-PAYLOAD"
)

func (h *head) oddPayload() string { return h.absentOr("X-Amz-Content-Sha256", emptyHash, noHash) }

// oddToken judges whether the token is that of the key.
func (h *head) oddToken() string {
	a, ok := h.authorization()
	key, known := h.keys[a.key]
	got, there := h.value("X-Amz-Security-Token")
	if ok && known && (got != key.SessionToken || there != (key.SessionToken != "")) {
		return "it is not that of the key"
	}
	return ""
}

// oddSignature works the signature out once more, from the bytes of the head and
// with nothing of what clients use.
func (h *head) oddSignature() string {
	a, ok := h.authorization()
	if h.keys == nil || !ok {
		return ""
	}
	key, known := h.keys[a.key]
	if !known {
		return "nobody has the key " + quote(a.key)
	}
	stamp, _ := h.value("X-Amz-Date")
	hash := sha256.Sum256([]byte(h.canonical(a)))
	scope := strings.Join([]string{a.day, a.region, a.service, a.end}, "/")
	mac := []byte("AWS4" + key.SecretAccessKey)
	for _, part := range []string{
		a.day, a.region, a.service, a.end,
		strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(hash[:])}, "\n"),
	} {
		m := hmac.New(sha256.New, mac)
		_, _ = m.Write([]byte(part)) // never fails
		mac = m.Sum(nil)
	}
	if hex.EncodeToString(mac) != a.signature {
		return "it should be " + hex.EncodeToString(mac)
	}
	return ""
}

// canonical is what is signed.
func (h *head) canonical(a authorization) string {
	method, rest, _ := strings.Cut(h.line, " ")
	target, _, _ := strings.Cut(rest, " ")
	path, query, _ := strings.Cut(target, "?")
	lines := []string{method, path, query}
	for _, name := range a.signed {
		var values []string
		for _, v := range h.values(name) {
			values = append(values, strings.Join(strings.Fields(v), " "))
		}
		lines = append(lines, name+":"+strings.Join(values, ","))
	}
	payload := emptyHash
	if announced, ok := h.value("X-Amz-Content-Sha256"); ok {
		payload = announced
	}
	lines = append(lines, "", strings.Join(a.signed, ";"), payload)
	return strings.Join(lines, "\n")
}
