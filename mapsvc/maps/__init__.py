"""The pages: the Folium map shell, the plain pages and the assets both point to."""
