"""ESP-IDF: a component with its manifest, and an example project."""

from __future__ import annotations

from mcucc.exports.library import Files, Library, c_files


def files(library: Library) -> Files:
    """The component's folder, for a project's `components`."""
    placed = library.placed("include", "src")
    example = "examples/first_run"
    return {
        "idf_component.yml": library.render("esp_idf/idf_component.yml.j2"),
        "CMakeLists.txt": library.render("esp_idf/CMakeLists.txt.j2", sources=c_files(placed)),
        **library.papers(f"{example}/main/first_run.c"),
        **placed,
        f"{example}/CMakeLists.txt": library.render("esp_idf/example.cmake.j2"),
        f"{example}/main/CMakeLists.txt": library.render("esp_idf/main.cmake.j2"),
        f"{example}/main/first_run.c": library.first_run("void app_main(void)"),
    }
