"""Authorities and certificates in a test's own directory, made by openssl(1)."""

import subprocess


class Certificates:
    """For tests with a `directory`: `NAME.pem` and `NAME.key` there."""

    def openssl(self, words, *more):
        ran = subprocess.run(["openssl", *words.split(), *more], cwd=self.directory, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def make_authority(self, name):
        self.openssl(f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -keyout {name}.key "
                     f"-out {name}.pem", "-subj", f"/CN={name}")

    def make_certificate(self, name, extensions, authority="ca", days=2):
        self.openssl(f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr",
                     "-subj", f"/CN={name}")
        (self.directory / f"{name}.ext").write_text(extensions)
        self.openssl(f"x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial "
                     f"-days {days} -extfile {name}.ext -out {name}.pem")
