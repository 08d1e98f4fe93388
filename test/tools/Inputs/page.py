#!/usr/bin/env python3
"""page.py PAGE REPORT: the page is well-formed HTML that asks nobody for anything, its data is the report
REPORT (JSON), and with it the name of every kernel, for GPUs and for CPUs."""
import json
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.data, self.inside = [], "", False
        self.ids, self.wanted = set(), []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        attributes = dict(attributes)
        for name in ("src", "href", "srcset", "action", "data"):
            if name in attributes:
                sys.exit(f"<{tag} {name}> asks for {attributes[name]}")
        if "id" in attributes:
            if attributes["id"] in self.ids:
                sys.exit(f"id '{attributes['id']}' is there twice")
            self.ids.add(attributes["id"])
        self.inside = attributes.get("id") == "report"

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            sys.exit(f"</{tag}> at {self.getpos()} closes something else")
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data += data


text = open(sys.argv[1], encoding="utf-8").read()
report = json.load(open(sys.argv[2], encoding="utf-8"))
for pattern in (r"https?:", r"url\(", r"@import", r"\bfetch\(", r"XMLHttpRequest", r"\bimport\b.*\bfrom\b"):
    if found := re.search(pattern, text):
        sys.exit(f"the page reaches out: {found.group()}")
page = Page()
page.feed(text)
page.close()
if page.open:
    sys.exit(f"not closed: {page.open}")
if json.loads(page.data) != report:
    sys.exit("the page holds another report")
for name in set(re.findall(r'byId\("([\w-]+)"\)', text)):
    if name not in page.ids:
        sys.exit(f"the script looks for '{name}', which the page has not")
kernels = report["kernels"] + report.get("cpu", {}).get("kernels", [])
missing = [kernel["name"] for kernel in kernels if kernel["name"] not in page.data]
if missing or not kernels:
    sys.exit(f"no kernel {missing}")
