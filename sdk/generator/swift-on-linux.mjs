// What the generator writes for Apple's systems alone, mended so that it builds on Linux, too.
//
//   node swift-on-linux.mjs URLSessionImplementations.swift
//
// Fails if a place is not there any more: then look whether the new generator needs this still.

import { readFileSync, writeFileSync } from "node:fs";

const [file] = process.argv.slice(2);
let text = readFileSync(file, "utf8");

function replace(from, to) {
    if (text.split(from).length !== 2) {
        console.error(`sdk: not once in ${file}:\n${from}`);
        process.exit(1);
    }
    text = text.replace(from, () => to);
}

replace(
    "#if !os(macOS)\nimport MobileCoreServices\n#endif\n",
    "#if canImport(FoundationNetworking)\nimport FoundationNetworking\n#endif\n",
);
// The types of files that are uploaded in forms, of which the API has none.
const begin = text.indexOf("        if #available(macOS 11.0, iOS 14.0, tvOS 14.0, watchOS 7.0, *) {\n            #if canImport(UniformTypeIdentifiers)");
const end = text.indexOf('        return "application/octet-stream"\n    }\n\n}', begin);
if (begin < 0 || end < 0) replace("func mimeType(for url: URL) -> String {", "");
replace(
    text.slice(begin, end),
    `        #if canImport(UniformTypeIdentifiers)
        if let type = UTType(filenameExtension: pathExtension)?.preferredMIMEType { return type }
        #endif
`,
);
writeFileSync(file, text);
