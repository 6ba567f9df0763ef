// What is generated: types as they are on the wire, a function per operation, a client over fetch.
export default {
    input: "../openapi.json",
    output: { path: "src/generated", clean: true, importFileExtension: ".js" },
    plugins: [{ name: "@hey-api/client-fetch", throwOnError: true }, { name: "@hey-api/typescript", enums: false }, "@hey-api/sdk"],
};
