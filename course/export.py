"""`jupyter nbconvert --to lesson`: a notebook as one HTML file that needs nothing from elsewhere.

Stock HTML asks other machines for scripts, and shows a widget of a saved notebook as an empty
place. Here a widget is the picture and the sentence that were saved with it.
"""

from html import escape
from typing import Any

from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor

WIDGET = "application/vnd.jupyter.widget-view+json"


class PicturesOfWidgets(Preprocessor):
    """Leaves of each widget what stands without a kernel."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if data.pop(WIDGET, None) is not None and "image/png" in data:
                    told = escape(data.get("text/plain", ""))
                    data["text/html"] = (
                        f'<figure><img src="data:image/png;base64,{data.pop("image/png")}"'
                        f' alt="{told}"><figcaption>{told}</figcaption></figure>'
                    )
        return nb, resources


class LessonExporter(HTMLExporter):
    """HTML in which formulas stay as they are typed, and nothing is loaded."""

    export_from_notebook = "HTML that needs no network"

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.mathjax_url = self.require_js_url = self.jquery_url = ""
        self.mermaid_js_url = self.mermaid_layout_elk_js_url = self.jupyter_widgets_base_url = ""
        self.register_preprocessor(PicturesOfWidgets(), enabled=True)
