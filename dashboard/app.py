"""The dashboard's main file, for `logistics dashboard` and for the Streamlit object in Snowflake."""

from __future__ import annotations

import streamlit as st
from board.declared import declared
from board.pages import PAGES, Page
from board.shown import live
from board.viewer import Viewer, current_viewer


def _page(page: Page, viewer: Viewer, default: bool) -> st.Page:
    def show() -> None:
        live(page.title, page.body, viewer)

    return st.Page(show, title=page.title, icon=page.icon, url_path=page.path, default=default)


def main() -> None:
    """Shows the page that is asked for, to somebody whose session is known."""
    environment = declared()["environment"]
    st.set_page_config(page_title=f"Logistics {environment}", page_icon="🚚", layout="wide")
    viewer = current_viewer()
    if viewer is None:
        return
    chosen = st.navigation([_page(page, viewer, number == 0) for number, page in enumerate(PAGES)])
    with st.sidebar:
        st.caption(f"**{environment}** · {viewer.shown}, {viewer.way}")
        if viewer.way == "signed in":
            st.button("Sign out", on_click=st.logout)
    chosen.run()


main()
