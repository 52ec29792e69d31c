package faulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// authority issues the network's certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(2, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{key, certificate}, err
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// config makes each connection a certificate that has the network's fault.
func (a *authority) config(network string) *tls.Config {
	return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		from, to, host, issuer := time.Now().Add(-time.Hour), time.Now().Add(time.Hour), hello.ServerName, a
		switch network {
		case "certificate-expired":
			from, to = from.AddDate(-1, 0, 0), to.AddDate(0, 0, -1)
		case "certificate-to-come":
			from, to = from.AddDate(0, 0, 1), to.AddDate(1, 0, 0)
		case "certificate-of-another-host":
			host = "portal.example"
		case "certificate-of-an-unknown-authority":
			var err error
			if issuer, err = newAuthority(); err != nil {
				return nil, err
			}
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: from, NotAfter: to,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, a.key.Public(), issuer.key)
		if err != nil {
			return nil, err
		}
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
	}}
}
