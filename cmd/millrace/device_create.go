package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/wire/client"
)

type deviceCreate struct {
	Name      deviceName `arg:"" help:"Name of the device, and of its stream unless --stream says otherwise."`
	Stream    []string   `help:"Stream that it may write; * and ? are wildcards. May be repeated." placeholder:"PATTERN"`
	Days      int        `help:"How long the certificate is good (3650)." placeholder:"N" default:"3650"`
	RoleAlias string     `help:"Role alias of its credentials (camera)." placeholder:"NAME"`
	Out       string     `help:"Directory for the files (the present one)." default:"." type:"path" placeholder:"DIR"`
	access
}

// Help is what the long help says.
func (deviceCreate) Help() string {
	return "Makes NAME.key.pem, which stays here, NAME.cert.pem, and ca.pem, by which the device knows the server, and prints what the producer libraries want to be told, as a shell takes it. No file is overwritten."
}

// systemAuthorities is where the authorities that everybody knows are on Debian.
const systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

// deviceFiles are where what belongs to a device is.
type deviceFiles struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Authority   string `json:"authority"`
}

// Run makes the device. The key is on the disk before the server knows of it,
// and is taken away again if it is refused.
func (d deviceCreate) Run(ctx context.Context, c *console) error {
	if d.Days < 1 {
		return usagef("device create", "--days: %d is no number of days from 1 on", d.Days)
	}
	conn, err := d.control(c)
	if err != nil {
		return err
	}
	files, err := d.files()
	if err != nil {
		return err
	}
	key, request, err := certs.NewRequest(string(d.Name))
	if err != nil {
		return err
	}
	if err := writeNew(files.Key, key, 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	made, err := conn.CreateDevice(ctx, client.DeviceSpec{
		DeviceName: string(d.Name), CertificateRequest: string(request), Streams: d.Stream, RoleAlias: d.RoleAlias, ValidityInDays: d.Days,
	})
	if err != nil {
		err = advise(fmt.Errorf("create device %s: %w", d.Name, err), millrace.CodeInUse,
			"Take another name, or forget that device with: millrace device delete "+string(d.Name))
		return errors.Join(err, os.Remove(files.Key))
	}
	if err := d.write(c, &files, made); err != nil {
		return fmt.Errorf("%w (the device was made; take it away again with: millrace device delete %s)", err, d.Name)
	}
	return d.print(c, files, made)
}

// files says where the files are to be. None of the device's may be there.
func (d deviceCreate) files() (deviceFiles, error) {
	if err := os.MkdirAll(d.Out, 0o700); err != nil {
		return deviceFiles{}, fmt.Errorf("make directory: %w", err)
	}
	at := filepath.Join(absolute(d.Out), string(d.Name))
	f := deviceFiles{at + ".cert.pem", at + ".key.pem", filepath.Join(absolute(d.Out), certs.File)}
	for _, path := range []string{f.Certificate, f.Key} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return f, usagef("device create", "%s is there already, and is not overwritten", path)
		}
	}
	return f, nil
}

// write writes the certificate, and the authority beside it if that is not there.
func (d deviceCreate) write(c *console, f *deviceFiles, made client.NewDevice) error {
	if err := writeNew(f.Certificate, []byte(made.CertificatePem), 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	authority := []byte(made.AuthorityPem)
	if len(authority) == 0 {
		bundle := firstOf(d.CA, c.lookup("MILLRACE_CA"), c.lookup("AWS_CA_BUNDLE"))
		if bundle == "" {
			f.Authority = systemAuthorities
			return nil
		}
		var err error
		if authority, err = os.ReadFile(bundle); err != nil {
			return fmt.Errorf("read authorities: %w", err)
		}
	}
	err := writeNew(f.Authority, authority, 0o644)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if found, err := os.ReadFile(f.Authority); err != nil || !bytes.Equal(found, authority) {
		f.Authority = strings.TrimSuffix(f.Certificate, ".cert.pem") + ".ca.pem"
		return writeNew(f.Authority, authority, 0o644)
	}
	return nil
}

func firstOf(candidates ...string) string {
	for _, s := range candidates {
		if s != "" {
			return s
		}
	}
	return ""
}

// writeNew writes a file that must not be there.
func writeNew(path string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// print says what a device has to be told, as a shell takes it.
func (d deviceCreate) print(c *console, f deviceFiles, made client.NewDevice) error {
	s, err := d.resolve(c)
	if err != nil {
		return err
	}
	info := infoOfDevice(made.Device)
	if strings.Trim(made.CredentialsEndpoint+info.RoleAlias, plain+"[]") != "" {
		return fmt.Errorf("the server answers with an endpoint or a role alias that is none: %q, %q", made.CredentialsEndpoint, info.RoleAlias)
	}
	url := "https://" + made.CredentialsEndpoint + "/role-aliases/" + info.RoleAlias + "/credentials"
	kvssink := fmt.Sprintf("iot-certificate,endpoint=%s,cert-path=%s,key-path=%s,ca-path=%s,role-aliases=%s,iot-thing-name=%s",
		made.CredentialsEndpoint, f.Certificate, f.Key, f.Authority, info.RoleAlias, d.Name)
	result := struct {
		deviceInfo
		deviceFiles
		Credentials string `json:"credentialsUrl"`
		KVSSink     string `json:"iotCertificate"`
	}{info, f, url, kvssink}
	c.say("The key is in %s and nowhere else.", f.Key)
	return c.print(result, func(w io.Writer) {
		for _, v := range [][2]string{
			{"AWS_IOT_CORE_CREDENTIAL_ENDPOINT", made.CredentialsEndpoint},
			{"AWS_IOT_CORE_CERT", f.Certificate},
			{"AWS_IOT_CORE_PRIVATE_KEY", f.Key},
			{"AWS_IOT_CORE_ROLE_ALIAS", info.RoleAlias},
			{"AWS_IOT_CORE_THING_NAME", string(d.Name)},
			{"AWS_KVS_CACERT_PATH", f.Authority},
			{"KVSSINK_CA_CERT_PATH", f.Authority},
			{"CONTROL_PLANE_URI", s.Endpoint},
			{"AWS_DEFAULT_REGION", s.Region},
		} {
			fmt.Fprintf(w, "export %s=%s\n", v[0], quoted(v[1]))
		}
		fmt.Fprintf(w, "# kvssink: iot-certificate=\"%s\"\n", kvssink)
		fmt.Fprintf(w, "# credentials: %s\n", url)
	})
}

// plain is what a shell takes as it stands.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-@"

// quoted is a word as a shell takes it. Whatever a server answers passes through
// it: what we print is evaluated, and the answer may have been changed on its way.
func quoted(s string) string {
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
