#!/usr/bin/env python3
"""Steps 0 to 6 of the ciphertext-inference protocol, written from docs/protocol.md alone.

usage: protocol-client.py URL IMAGE FOLDER [--code CODE] [--client NAME] -- LOCAL...
URL is the remote server's /mcp, LOCAL the command of a local server on stdio, FOLDER one whose files it may use.
Needs Python 3.9 and `cryptography`. Prints the answer of fhe_decrypt.
"""
import argparse, base64, hashlib, json, math, os, re, secrets, subprocess, sys, time, urllib.request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

EXTENSION, SIGNATURE = "dev.he-compile/ciphertext-inference", "dev.he-compile/signature"


def number(value):
    """As ECMAScript writes it (RFC 8785, 3.2.2.3): Python has the same digits, and other rules for exponents."""
    if isinstance(value, int) and abs(value) < 2**53:
        return str(value)
    value = float(value)
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(value).partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    point = len(whole.lstrip("0")) or -(len(fraction) - len(fraction.lstrip("0")))
    point += int(exponent or 0)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    return sign + digits[0] + ("." + digits[1:] if digits[1:] else "") + "e" + ("+" if power > 0 else "-") + str(abs(power))


def canonical(value):
    """RFC 8785: names in the order of their UTF-16 code units, nothing between."""
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Remote:
    """The remote server over Streamable HTTP, revision 2025-11-25; every call signed, every answer verified."""

    def __init__(self, url, client):
        self.url, self.client, self.session, self.token = url, client, None, None
        self.key = Ed25519PrivateKey.generate()
        self.open()

    def open(self):
        """A session belongs to the token that opens it."""
        self.session = None
        result = self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "protocol-client", "version": "1"}})
        self.server_key = result["capabilities"]["experimental"][EXTENSION]["serverKey"]
        self.request("notifications/initialized", None)

    def request(self, method, params):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message.update(id=secrets.token_hex(8), params=params)
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        with urllib.request.urlopen(urllib.request.Request(self.url, json.dumps(message).encode(), headers)) as response:
            self.session = response.headers.get("Mcp-Session-Id") or self.session
            body = response.read().decode()
            if "text/event-stream" in response.headers.get("Content-Type", ""):
                body = next(d for d in re.findall(r"^data: (.*)$", body, re.M) if json.loads(d).get("id") == message.get("id"))
        if params is None:
            return None
        answer = json.loads(body)
        if "error" in answer:
            sys.exit(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def call(self, tool, **arguments):
        server = load_der_public_key(base64.b64decode(self.server_key))
        facts = {"timestamp": int(time.time() * 1000), "nonce": secrets.token_urlsafe(18), "audience": sha256(base64.b64decode(self.server_key))}
        text = canonical({"tool": tool, "arguments": arguments, **facts})
        signature = base64.b64encode(self.key.sign(text.encode())).decode()
        result = self.request("tools/call", {"name": tool, "arguments": arguments, "_meta": {SIGNATURE: {"alg": "Ed25519", **facts, "signature": signature}}})
        answer, signed = result["structuredContent"], result["_meta"][SIGNATURE]
        digest = sha256(canonical({"tool": tool, "arguments": arguments, "nonce": facts["nonce"]}).encode())
        if signed["request_digest"] != digest:
            sys.exit(f"{tool}: the answer is to another request")
        signed_text = canonical({"request_digest": digest, "result": answer, "timestamp": signed["timestamp"]})
        server.verify(base64.b64decode(signed["signature"]), signed_text.encode())
        return checked(tool, answer)

    def upload(self, tool, file, size, **names):
        with open(file["path"], "rb") as opened:
            for index in range(math.ceil(file["bytes"] / size)):
                chunk = base64.b64encode(opened.read(size)).decode()
                total = math.ceil(file["bytes"] / size)
                self.call(tool, client_id=self.client, file_name=file["file_name"], chunk_index=index, total_chunks=total, chunk_b64=chunk, **names)


class Local:
    """The local server on stdio: one JSON-RPC message a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "protocol-client", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")

    def request(self, method, params):
        number = secrets.token_hex(8)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == number:
                return answer["result"]
        sys.exit("the local server ended")

    def call(self, tool, **arguments):
        return checked(tool, self.request("tools/call", {"name": tool, "arguments": arguments})["structuredContent"])


def checked(tool, answer):
    if not answer["ok"]:
        sys.exit(f"{tool}: {answer['error_code']}: {answer['message']}")
    return answer


def main():
    parser = argparse.ArgumentParser()
    for name in ("url", "image", "folder"):
        parser.add_argument(name)
    parser.add_argument("--code")
    parser.add_argument("--client", default="python")
    parser.add_argument("local", nargs="+")
    options = parser.parse_args()
    remote, local, who = Remote(options.url, options.client), Local(options.local), options.client
    path = lambda name: os.path.join(os.path.abspath(options.folder), name)

    # Step 0: a client is enrolled, keys are made here, and the evaluation keys are provided.
    spki = remote.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    enrolment = {"enrolment_code": options.code} if options.code else {}
    remote.token = remote.call("enrol_client", client_id=who, public_key=base64.b64encode(spki).decode(), **enrolment)["auth_token"]
    remote.open()
    description = remote.call("describe_model", include_signature=True)
    size = description["limits"]["max_chunk_bytes"]
    with open(path("model.json"), "w") as file:
        json.dump(description, file)
    keys = local.call("fhe_keygen", client_id=who, signature_path=path("model.json"))
    announced = [{name: file[name] for name in ("file_name", "bytes", "sha256")} for file in keys["files"]]
    status = remote.call("begin_key_provisioning", client_id=who, files=announced)
    if status["state"] != "active":
        for file in keys["files"]:
            remote.upload("upload_evaluation_key_chunk", file, size, key_ref=status["key_ref"])
        remote.call("commit_evaluation_keys", client_id=who, key_ref=status["key_ref"])

    # Steps 1 and 2: the image is encrypted here. Steps 3 and 4: its ciphertexts are sent and evaluated.
    encrypted = local.call("fhe_encrypt", client_id=who, image_path=os.path.abspath(options.image), session_dir=path("session"), key_set=keys["key_set"])
    session = secrets.token_urlsafe(12)
    for file in encrypted["files"]:
        remote.upload("upload_ciphertext_chunk", file, size, session_id=session)
    answer = remote.call("remote_inference_cnn", client_id=who, session_id=session)
    if "encrypted_logit_b64" in answer:
        result = base64.b64decode(answer["encrypted_logit_b64"])
    else:
        chunks = [remote.call("get_inference_result", client_id=who, session_id=session, chunk_index=index) for index in range(answer["result_chunks"])]
        result = b"".join(base64.b64decode(chunk["chunk_b64"]) for chunk in chunks)
    if sha256(result) != answer["encrypted_logit_sha256"]:
        sys.exit("the result is damaged")

    # Before it is decrypted, the server forgets it: it need not hear whether that works. Steps 5 and 6: decrypted here.
    remote.call("cancel_inference", client_id=who, session_id=session, discard=True)
    with open(path("result.bin"), "wb") as file:
        file.write(result)
    print(json.dumps(local.call("fhe_decrypt", client_id=who, encrypted_logit_path=path("result.bin"), key_set=keys["key_set"])))


if __name__ == "__main__":
    main()
