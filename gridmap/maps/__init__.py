"""Drawing with Folium."""
