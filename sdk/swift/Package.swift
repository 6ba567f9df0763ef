// swift-tools-version:6.0

import PackageDescription

let package = Package(
    name: "Bilten",
    platforms: [.iOS(.v15), .macOS(.v12), .tvOS(.v15), .watchOS(.v8)],
    products: [.library(name: "Bilten", targets: ["Bilten"])],
    targets: [
        .target(name: "Bilten"),
        .executableTarget(name: "Example", dependencies: ["Bilten"]),
    ],
    swiftLanguageModes: [.v6]
)
