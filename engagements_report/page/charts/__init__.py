"""The charts of the page, as SVG that fills the width it is given."""
