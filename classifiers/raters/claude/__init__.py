"""
A rater that asks a Claude model, in a room of its own: who counts on it need not load the SDK.

Reading order: `prompt` (what is asked, and what counts as an answer), `rater` (the whole of it),
`answers` (how the form of an answer is asked for), `call` (how a request is written), `client` (the
SDK), `patience` (waiting), `line` (HTTP), `limits` (what a server says of its pace), `tls` and
`clear`, `wire` (bytes), `batches`, `rehearsal` (everything once, in memory, before the seal).
"""
